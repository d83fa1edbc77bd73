"""The journal's records: each is one durable step."""

from collections.abc import Mapping

import msgspec

from vcnd.model.ids import VnicId
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.model.vnic import PrivateIp, VnicSlot


class Leased(msgspec.Struct, frozen=True):
    """A sandbox got a lease."""

    lease: Lease


class Released(msgspec.Struct, frozen=True):
    """A sandbox's lease ended; the cooldown of its addresses began."""

    key: SandboxKey


class AddressAdded(msgspec.Struct, frozen=True):
    """The cloud gives us this address or block."""

    private_ip: PrivateIp


class AddressForgotten(msgspec.Struct, frozen=True):
    """The cloud no longer gives us this address, or the block that begins there."""

    address: str


class VnicNumbered(msgspec.Struct, frozen=True):
    """A VNIC was given its number on this node."""

    slot: VnicSlot


class VnicForgotten(msgspec.Struct, frozen=True):
    """A VNIC is no longer attached."""

    vnic_id: VnicId


class AttachIntended(msgspec.Struct, frozen=True):
    """AttachVnic is about to be sent with this retry token."""

    token: str


class AttachSettled(msgspec.Struct, frozen=True):
    """The outcome of the AttachVnic with this retry token is known."""

    token: str


class ReturnIntended(msgspec.Struct, frozen=True, omit_defaults=True):
    """These addresses and blocks, by first address, are about to be released."""

    addresses: tuple[str, ...]
    work: str | None = ""
    """The cloud's work request that releases them.  Empty: it is not known (yet), or
    whether there is one.  None: there is none."""


class ReturnSettled(msgspec.Struct, frozen=True):
    """The cloud still gives us these: they were not released."""

    addresses: tuple[str, ...]


class DetachIntended(msgspec.Struct, frozen=True):
    """A VNIC is about to be detached."""

    vnic_id: VnicId


class DetachSettled(msgspec.Struct, frozen=True):
    """A VNIC is still attached: it was not detached."""

    vnic_id: VnicId


class DrainSet(msgspec.Struct, frozen=True):
    """The node is drained from now on, or serves again."""

    on: bool


class JournalLost(msgspec.Struct, frozen=True):
    """Earlier records were lost: what was released before this one is not known."""


Record = (
    Leased
    | Released
    | AddressAdded
    | AddressForgotten
    | VnicNumbered
    | VnicForgotten
    | AttachIntended
    | AttachSettled
    | ReturnIntended
    | ReturnSettled
    | DetachIntended
    | DetachSettled
    | DrainSet
    | JournalLost
)


class RecoveredState(msgspec.Struct, frozen=True, kw_only=True):
    """The result of the journal's replay: the state at its last valid record."""

    leases: tuple[Lease, ...] = ()
    private_ips: tuple[PrivateIp, ...] = ()
    slots: tuple[VnicSlot, ...] = ()
    ages: Mapping[str, float] = {}
    """How many seconds ago each address, block and VNIC came, by OCID."""
    forgotten: Mapping[str, float] = {}
    """How many seconds ago addresses and blocks went, by OCID: only lately."""
    cooling: tuple[tuple[str, float], ...] = ()
    """Addresses of ended leases, and how many seconds ago they ended."""
    ended: tuple[tuple[Lease, float], ...] = ()
    """These leases, and how many seconds ago they ended."""
    lost: tuple[tuple[str, VnicId], ...] = ()
    """Leased addresses that the cloud no longer gives us, and their VNICs."""
    returning: Mapping[str, str | None] = {}
    """Objects, by first address, whose release has an unknown outcome, each with its
    work request as in ``ReturnIntended``."""
    detaching: tuple[VnicId, ...] = ()
    """VNICs whose detachment has an unknown outcome."""
    unsettled_attach: str | None = None
    """The retry token of an AttachVnic without a recorded answer."""
    draining: bool = False
    """True if the node is being drained."""
    lost_ago: float | None = None
    """How many seconds ago earlier records were lost; None: they never were."""
    damaged: bool = False
    """True if durable records may be missing."""
