"""The events of a schedule, as values: what is done to a fleet, and when.

All of them are drawn before the run, so that a run of some of them is possible.
"""

from typing import Annotated

import msgspec


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    at: float
    """Virtual seconds since the start."""


class OnNode(_Event, frozen=True):
    """An event that concerns one node."""

    node: int


# The cluster's life


class StartPod(OnNode, frozen=True):
    """A pod is bound to a node and lives for a while."""

    pod: int
    seconds: float
    kubelet_seconds: float
    """From the binding to the first ADD."""


class EndSandbox(OnNode, frozen=True):
    """A pod's sandbox dies, without a DEL before; the pod gets another one."""

    pick: int


class RepeatCall(OnNode, frozen=True):
    """The next ADD or DEL is made once more, later: while it runs or afterwards."""

    command: str
    seconds: float


class HangUp(OnNode, frozen=True):
    """The runtime gives up the next call that takes longer than this."""

    seconds: float


class CheckPods(OnNode, frozen=True):
    """The runtime calls CHECK for all sandboxes."""


# Daemons and nodes


class Kill(OnNode, frozen=True):
    """A daemon is killed after some more effects on disk, kernel and cloud."""

    steps: int


class Restart(OnNode, frozen=True):
    """A daemon is stopped and started again, as at an upgrade."""


class Reboot(OnNode, frozen=True):
    """A node loses its power for a while: kernel, sandboxes, unsynced writes."""

    seconds: float


class DamageJournal(OnNode, frozen=True):
    """A daemon ends, and its journal is damaged or gone before the next one starts."""

    how: str
    """``gone``, ``cut`` or ``flip``."""
    pick: int


class Drain(OnNode, frozen=True):
    """A node's pods end, and it gives back its addresses; it stays for a while."""

    seconds: float


class Lose(OnNode, frozen=True):
    """An instance is terminated."""


class Join(OnNode, frozen=True):
    """A further instance becomes a node."""


# The cloud


class CallFault(_Event, frozen=True):
    """The next calls of an operation have a fault (``fakeoci.api.service.Fault``)."""

    operation: str
    kind: str
    status: int = 500
    code: str = "InternalServerError"
    seconds: float = 0.0
    times: int = 1


class Outage(_Event, frozen=True):
    """Something cannot be reached for a while, from one node or (-1) from all."""

    what: str
    node: int
    seconds: float


class SlowCloud(_Event, frozen=True):
    """All calls take longer for a while."""

    median: float
    seconds: float


class Throttle(_Event, frozen=True):
    """The tenancy's calls are limited for a while."""

    per_second: float
    seconds: float


class LateLists(_Event, frozen=True):
    """New objects appear late in lists, for a while."""

    late: float
    seconds: float


class FillSubnet(_Event, frozen=True):
    """Others take all free addresses of the pods' subnet for a while."""

    seconds: float


class DetachVnic(OnNode, frozen=True):
    """Somebody detaches a pod VNIC."""

    pick: int


class DeleteAddress(OnNode, frozen=True):
    """Somebody deletes an address of a pod VNIC."""

    pick: int


class MoveAddress(OnNode, frozen=True):
    """Somebody moves an address to another node's VNIC."""

    pick: int
    to: int


class RemoveTags(OnNode, frozen=True):
    """Somebody removes the tags of a pod VNIC and its addresses."""

    pick: int


# The machine


class DiskFault(OnNode, frozen=True):
    """A disk refuses something for a while (``sim.disk.disk.REFUSALS``)."""

    what: str
    seconds: float


class SlowDisk(OnNode, frozen=True):
    """A disk's syncs take longer for a while."""

    sync_seconds: float
    seconds: float


class ClockJump(OnNode, frozen=True):
    """A node's wall clock is wrong for a while."""

    by: float
    seconds: float


class SecondDaemon(OnNode, frozen=True):
    """A second daemon is started on a node, and killed after a while."""

    seconds: float


Event = (
    StartPod
    | EndSandbox
    | RepeatCall
    | HangUp
    | CheckPods
    | Kill
    | Restart
    | Reboot
    | DamageJournal
    | Drain
    | Lose
    | Join
    | CallFault
    | Outage
    | SlowCloud
    | Throttle
    | LateLists
    | FillSubnet
    | DetachVnic
    | DeleteAddress
    | MoveAddress
    | RemoveTags
    | DiskFault
    | SlowDisk
    | ClockJump
    | SecondDaemon
)


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What a fleet and its cloud are like."""

    others: int = 0
    """How many of its nodes are of another cluster in the same subnet."""
    spare: int = 0
    """How many further instances there are."""
    batch: int = 8
    cooling_seconds: float = 30.0
    blocks: bool = True
    has_bulk: bool = True
    bulk_is_atomic: bool = True
    private_ips_per_vnic: int = 64
    ocpus: float = 4.0
    imds_seconds: float = 0.0
    consistency_seconds: float = 0.0
    latency_seconds: float = 0.05
    latency_sigma: float = 0.3
    subnet_prefix: int = 16


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """All that a run is made of: the same schedule gives the same run."""

    seed: int
    nodes: int
    seconds: Annotated[float, msgspec.Meta(ge=0)]
    traits: Traits = Traits()
    events: tuple[Event, ...] = ()
