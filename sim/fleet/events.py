"""The events of a schedule, as values: what is done to a fleet, and when.

All of them are drawn before the run, so that a run of some of them is possible.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from sim.fleet.event import OnNode, Timed
from sim.fleet.policy_events import (
    ChangePolicy,
    KillPolicy,
    LabelNamespace,
    LabelPod,
    RefuseRules,
)
from sim.fleet.traits import Traits
from vcnd.model.family import Family

# The cluster's life


class Asks(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a pod requests by annotations; nothing where a field is empty."""

    nsg: str = ""
    """The name of an NSG."""
    subnet: str = ""
    """The name of a subnet."""
    fixed: str = ""
    """The name of a fixed address."""
    families: tuple[Family, ...] = ()


class StartPod(OnNode, frozen=True):
    """A pod is bound to a node and lives for a while."""

    pod: int
    seconds: float
    kubelet_seconds: float
    """From the binding to the first ADD."""
    tolerates: bool = True
    """Whether it is bound at once, as a DaemonSet's, or once its node takes pods."""
    finishes: bool = False
    """Whether its containers end for good, as a Job's, before it is deleted."""
    asks: Asks = Asks()


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


class Rename(OnNode, frozen=True):
    """A node boots with another name: its pods do not come along."""

    seconds: float
    """How long it is off before."""


# Kubernetes


class CutWatches(Timed, frozen=True):
    """Watches of one node or (-1) of all end in a way (``sim.kubernetes.watching``)."""

    node: int
    how: str
    share: float
    """Of its watches."""


class ApiTrouble(StrEnum):
    """What can be wrong with an API server (``sim.kubernetes.faults``)."""

    REFUSED = "refused"
    EXPIRED = "expired"
    LOST = "lost"
    LAG = "lag_seconds"
    SILENT = "is_silent"


class ApiFault(Timed, frozen=True):
    """Something is wrong with all API servers for a while."""

    what: ApiTrouble
    amount: float
    seconds: float


class Compact(Timed, frozen=True):
    """The stores forget all versions but the newest."""


class Meddling(StrEnum):
    """What somebody does to a node's objects."""

    DELETE_NETWORK = "delete its NativePodNetwork"
    CHANGE_NETWORK = "change its NativePodNetwork"
    TAINT = "add the start-up taint"


class Meddle(OnNode, frozen=True):
    """Somebody changes what vcnd has written into Kubernetes."""

    what: Meddling


# The cloud


class CallFault(Timed, frozen=True):
    """The next calls of an operation have a fault (``fakeoci.api.service.Fault``)."""

    operation: str
    kind: str
    status: int = 500
    code: str = "InternalServerError"
    seconds: float = 0.0
    times: int = 1


class Outage(Timed, frozen=True):
    """Something cannot be reached for a while, from one node or (-1) from all."""

    what: str
    node: int
    seconds: float


class SlowCloud(Timed, frozen=True):
    """All calls take longer for a while."""

    median: float
    seconds: float


class Throttle(Timed, frozen=True):
    """The tenancy's calls are limited for a while."""

    per_second: float
    seconds: float


class LateLists(Timed, frozen=True):
    """New objects appear late in lists, for a while."""

    late: float
    seconds: float


class FillSubnet(Timed, frozen=True):
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


class Plant(OnNode, frozen=True):
    """Somebody puts a VNIC, addresses and a link of their own on a node."""


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
    | Rename
    | CutWatches
    | ApiFault
    | Compact
    | Meddle
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
    | Plant
    | DiskFault
    | SlowDisk
    | ClockJump
    | SecondDaemon
    | ChangePolicy
    | LabelPod
    | LabelNamespace
    | KillPolicy
    | RefuseRules
)


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """All that a run is made of: the same schedule gives the same run."""

    seed: int
    nodes: int
    seconds: Annotated[float, msgspec.Meta(ge=0)]
    traits: Traits = Traits()
    events: tuple[Event, ...] = ()
