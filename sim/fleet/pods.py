"""Pods and their sandboxes, as a kubelet and a runtime know them."""

import msgspec
import trio

from vcnd.model.sandbox import Lease, PodRef, SandboxKey


class Sandbox(msgspec.Struct, eq=False):
    """A pod's sandbox."""

    key: SandboxKey
    netns: int
    lease: Lease | None = None
    """The answer to its ADD."""
    ready: bool = False
    """True from its ADD's success until its end begins."""
    died: trio.Event = msgspec.field(default_factory=trio.Event)
    """Set when it must be replaced."""


class Pod(msgspec.Struct, eq=False):
    """A pod that is bound to a node."""

    ref: PodRef
    wanted: bool = True
    """False once it is deleted."""
    sandbox: Sandbox | None = None
    woken: trio.Event = msgspec.field(default_factory=trio.Event)
    """Set when it is deleted."""

    def delete(self) -> None:
        self.wanted = False
        self.woken.set()
