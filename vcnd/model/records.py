"""The journal's records: each is one durable step."""

from dataclasses import dataclass

from vcnd.model.ids import VnicId
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.model.vnic import PrivateIp, VnicSlot


@dataclass(frozen=True, slots=True)
class Leased:
    """A sandbox got a lease."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Released:
    """A sandbox's lease ended; the cooldown of its addresses began."""

    key: SandboxKey


@dataclass(frozen=True, slots=True)
class AddressAdded:
    """The cloud gives us this address or block."""

    private_ip: PrivateIp


@dataclass(frozen=True, slots=True)
class AddressForgotten:
    """The cloud no longer gives us this address, or the block that begins there."""

    address: str


@dataclass(frozen=True, slots=True)
class VnicNumbered:
    """A VNIC was given its number on this node."""

    slot: VnicSlot


@dataclass(frozen=True, slots=True)
class VnicForgotten:
    """A VNIC is no longer attached."""

    vnic_id: VnicId


@dataclass(frozen=True, slots=True)
class AttachIntended:
    """AttachVnic is about to be sent with this retry token."""

    token: str


@dataclass(frozen=True, slots=True)
class AttachSettled:
    """The outcome of the AttachVnic with this retry token is known."""

    token: str


@dataclass(frozen=True, slots=True)
class ReturnIntended:
    """These addresses and blocks, by first address, are about to be released."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReturnSettled:
    """The cloud still gives us these: they were not released."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DetachIntended:
    """A VNIC is about to be detached."""

    vnic_id: VnicId


@dataclass(frozen=True, slots=True)
class DetachSettled:
    """A VNIC is still attached: it was not detached."""

    vnic_id: VnicId


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
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveredState:
    """The result of the journal's replay: the state at its last valid record."""

    leases: tuple[Lease, ...] = ()
    private_ips: tuple[PrivateIp, ...] = ()
    slots: tuple[VnicSlot, ...] = ()
    cooling: tuple[tuple[str, float], ...] = ()
    """Addresses of ended leases, and how many seconds ago they ended."""
    lost: tuple[tuple[str, VnicId], ...] = ()
    """Leased addresses that the cloud no longer gives us, and their VNICs."""
    returning: tuple[str, ...] = ()
    """Objects, by first address, whose release has an unknown outcome."""
    detaching: tuple[VnicId, ...] = ()
    """VNICs whose detachment has an unknown outcome."""
    unsettled_attach: str | None = None
    """The retry token of an AttachVnic without a recorded answer."""
    damaged: bool = False
    """True if durable records may be missing."""
