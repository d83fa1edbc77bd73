"""Pods and their sandboxes, as a kubelet and a runtime know them."""

from collections.abc import Mapping

import msgspec
import trio

from sim.kubernetes.resources import Body
from vcnd.model.sandbox import Lease, PodRef, SandboxKey


class Sandbox(msgspec.Struct, eq=False):
    """A pod's sandbox."""

    key: SandboxKey
    netns: int
    lease: Lease | None = None
    """The answer to its ADD."""
    ready: bool = False
    """True from its ADD's success until its end begins."""
    died: bool = False
    """True once it must be replaced."""
    over: trio.Event = msgspec.field(default_factory=trio.Event)
    """Set when it has died, or its pod is deleted."""

    def die(self) -> None:
        self.ready, self.died = False, True
        self.over.set()


class Pod(msgspec.Struct, eq=False, kw_only=True):
    """A pod."""

    ref: PodRef
    body: Body
    """As it was created."""
    kubelet_seconds: float
    """From when the kubelet hears of it to its first ADD."""
    annotations: Mapping[str, str]
    """Which the runtime passes on, too."""
    is_here: bool = False
    """Whether its kubelet has heard of it."""
    wanted: bool = True
    """False once it is deleted."""
    sandbox: Sandbox | None = None
    woken: trio.Event = msgspec.field(default_factory=trio.Event)
    """Set when it is deleted."""

    def delete(self) -> None:
        self.wanted = False
        self.woken.set()
        if self.sandbox is not None:
            self.sandbox.over.set()
