"""What the journal keeps: each record is one durable step."""

from dataclasses import dataclass

from vcnd.model.ids import VnicId
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.model.vnic import PrivateIp, VnicSlot


@dataclass(frozen=True, slots=True)
class Leased:
    """A sandbox was given an address."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Released:
    """A sandbox's lease ended; its address began to cool."""

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
    """It is known what became of the AttachVnic with this retry token."""

    token: str


@dataclass(frozen=True, slots=True)
class ReturnIntended:
    """These addresses and blocks, by first address, are about to be given back."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReturnSettled:
    """The cloud still gives us these: they were not given back."""

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
    """What a replay of the journal yields: the state at its last whole record."""

    leases: tuple[Lease, ...] = ()
    private_ips: tuple[PrivateIp, ...] = ()
    slots: tuple[VnicSlot, ...] = ()
    cooling: tuple[tuple[str, float], ...] = ()
    """Released addresses and how many seconds ago."""
    lost: tuple[tuple[str, VnicId], ...] = ()
    """Leased addresses that the cloud took back, and the VNICs they were on."""
    returning: tuple[str, ...] = ()
    """Objects, by their first address, that perhaps were given back already."""
    detaching: tuple[VnicId, ...] = ()
    """VNICs that perhaps were detached already."""
    unsettled_attach: str | None = None
    """The retry token of an AttachVnic whose answer never came."""
    damaged: bool = False
    """Whether something that was durable may be missing."""
