"""The node's state at one moment, as ``vcndctl status --json`` prints it.

The names in JSON are an interface: fields are added, and none is renamed or removed.
"""

import msgspec

from vcnd.model.audit import PastRepair
from vcnd.model.cause import Cause
from vcnd.model.family import Family
from vcnd.model.place import PlaceKind


class FamilyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How many addresses of a family are in each state."""

    free: int
    leased: int
    cooling: int
    deleting: int
    doubted: int
    """Includes addresses that are being added."""


class PoolStatus(FamilyStatus, frozen=True, kw_only=True):
    """The pool's first family, and the demand for it."""

    demand: int
    """Pods that have an address, or need one."""
    target: int
    waiting: int
    """Calls that wait for an address."""

    @property
    def held(self) -> int:
        """Return the number of addresses, without those in doubt."""
        return self.free + self.leased + self.cooling + self.deleting


class VnicStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A VNIC that vcnd knows."""

    index: int
    """The node's own number for it."""
    id: str
    mac: str
    address: str
    """Its own IPv4 address."""
    ipv6: str
    """Its own IPv6 address; empty if it has none."""
    subnet_id: str
    subnet_cidr: str
    pod_class: str = msgspec.field(name="class")
    """Its class of pods; the node's own class has an empty name."""
    primary: bool
    addresses: int
    """How many addresses it has for pods, including those of blocks."""
    blocks: tuple[str, ...]


class LeaseStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A sandbox that holds addresses."""

    network: str
    container_id: str
    ifname: str
    address: str
    """The first of its addresses."""
    addresses: tuple[str, ...]
    host_ifname: str
    """The link on the node; empty if the lease has none."""
    pod: str
    """``namespace/name``; empty outside Kubernetes."""
    express: bool
    """False if its packets stay out of the express lane."""


class BrokenStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A pod whose network cannot work."""

    pod: str
    container_id: str
    ifname: str
    address: str
    """The address that cannot work."""
    cause: Cause
    reason: str


class ProblemStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A problem at a place."""

    what: str
    """The place in words."""
    kind: PlaceKind
    vnic_id: str
    family: Family | None
    pod_class: str | None = msgspec.field(name="class")
    name: str
    cause: Cause
    reason: str
    since_seconds: float
    seconds_ago: float
    """Seconds since it was reported last."""
    count: int
    retry_seconds: float | None = None
    """When the daemon tries it again; null if nothing is planned."""


class ExpressStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The express lane; its numbers count from its last load into the kernel."""

    on: bool
    cause: Cause | None
    """Why it is off; null while it is on."""
    reason: str
    pods: int
    """Pods that use it."""
    flows: int
    """Directions of connections in it, including some that have ended."""
    express_packets: int
    ordinary_packets: int
    """Packets of these pods that took the ordinary path."""


class ClassStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses of one class and family."""

    pod_class: str = msgspec.field(name="class")
    """The node's own class has an empty name."""
    family: Family
    subnet_ids: tuple[str, ...]
    nsg_ids: tuple[str, ...]
    free: int
    leased: int
    cooling: int
    deleting: int
    doubted: int
    wanted: int
    """Pods that need an address of it."""
    target: int
    """How many addresses the node should hold."""


class BudgetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How fast the daemon may call OCI's API now."""

    calls_per_second: float
    most_per_second: float
    """The rate as long as OCI does not answer 429."""
    queued: int
    """Calls that wait for their turn."""


class NodeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The whole state."""

    pool: PoolStatus
    families: dict[Family, FamilyStatus]
    vnics: tuple[VnicStatus, ...]
    vnic_limit: int
    """How many VNICs the shape takes, including the primary."""
    cloud_observed: bool
    """True if an audit has succeeded since the daemon's start."""
    leases: tuple[LeaseStatus, ...]
    express: ExpressStatus
    broken: tuple[BrokenStatus, ...]
    problems: tuple[ProblemStatus, ...]
    trying: tuple[ProblemStatus, ...] = ()
    """Calls that have failed or have had no answer, and are tried again now."""
    classes: tuple[ClassStatus, ...] = ()
    budget: BudgetStatus | None = None
    """Null: nobody tells."""
    repaired: tuple[PastRepair, ...] = ()
    """What other programs changed of late and the daemon restored; the latest first."""
    version: str = ""
    """The daemon's."""
    up_seconds: float = 0.0
    """How long the daemon has run."""
    compared_seconds: float | None = None
    """Seconds since an audit agreed with OCI; null: none has."""
    policies: bool = False
    """True if network policies are enforced by vcnd-policy."""
    draining: bool = False
    """True if the node is being drained: no pod gets an address."""

    @property
    def is_well(self) -> bool:
        """Return True if nothing is wrong now."""
        return not (self.problems or self.broken or self.trying)

    @property
    def pod_vnics(self) -> list[VnicStatus]:
        """Return the VNICs for pods."""
        return [vnic for vnic in self.vnics if not vnic.primary]

    @property
    def primary(self) -> VnicStatus | None:
        """Return the instance's primary VNIC, if known."""
        return next((vnic for vnic in self.vnics if vnic.primary), None)
