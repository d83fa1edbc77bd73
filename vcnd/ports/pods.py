"""Who else knows of pods: the runtime, and vcnd-policy."""

from collections.abc import Set as AbstractSet
from typing import Protocol

from vcnd.model.cause import Fault
from vcnd.model.sandbox import Lease


class KeptPods(Protocol):
    """Tells which pods the kubelet keeps on this node."""

    async def __call__(self) -> AbstractSet[str] | None:
        """Return the uids of the pods that may have a process; None: it cannot tell."""


class Policies(Protocol):
    """The process that brings network policies in force (vcnd-policy)."""

    async def admit(self, lease: Lease) -> Fault | None:
        """Return None when the policies of a plugged pod are in force.

        It raises nothing, and returns within its patience: why they may not be.
        """
