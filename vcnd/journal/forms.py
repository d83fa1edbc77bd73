"""How records look on disk (format 2), where that is not how they look in memory."""

from ipaddress import ip_address, ip_network
from typing import Any, Self, get_args

import msgspec

from vcnd.model.records import AddressAdded, Leased, Record, VnicNumbered
from vcnd.model.sandbox import HostLink, Lease, PodRef, SandboxKey
from vcnd.model.vnic import MOST_ADDRESSES, PrivateIp, VnicSlot

KINDS: dict[str, type[Record]] = {kind.__name__: kind for kind in get_args(Record)}

MOST_NUMBER = 1 << 31
"""Of a VNIC."""
MOST_COOKIE = 1 << 64


class _LeaseForm(msgspec.Struct, frozen=True, kw_only=True):
    """A lease on disk; the order of the fields is the order of the bytes."""

    key: SandboxKey
    address: str
    second: str = ""
    """Its address of the other family; empty: it has one address."""
    netns_cookie: int | None
    """Null, as the next field: it is not wired."""
    host_ifname: str | None
    pod: PodRef = msgspec.field(default_factory=PodRef)
    express: bool | msgspec.UnsetType = msgspec.UNSET
    """Left out unless it is False."""

    @classmethod
    def of(cls, lease: Lease) -> Self:
        """Return the form of a lease."""
        first, *others = lease.addresses
        wiring = lease.wiring
        return cls(
            key=lease.key,
            address=first,
            second=others[0] if others else "",
            netns_cookie=None if wiring is None else wiring.netns_cookie,
            host_ifname=None if wiring is None else wiring.ifname,
            pod=lease.pod,
            express=msgspec.UNSET if lease.express else False,
        )

    def lease(self) -> Lease:
        """Return the lease that has this form."""
        wiring = None
        if self.host_ifname is not None and self.netns_cookie is not None:
            wiring = HostLink(ifname=self.host_ifname, netns_cookie=self.netns_cookie)
        addresses = (self.address, self.second) if self.second else (self.address,)
        return Lease(
            key=self.key,
            addresses=addresses,
            wiring=wiring,
            pod=self.pod,
            express=self.express is not False,
        )


class _LeasedForm(msgspec.Struct, frozen=True):
    """The form of ``Leased``."""

    lease: _LeaseForm


def form_of(record: Record) -> object:
    """Return what is written of a record."""
    if isinstance(record, Leased):
        return _LeasedForm(_LeaseForm.of(record.lease))
    return record


def record_of(kind: str, form: Any) -> Record:
    """Return the record of a kind whose form was read.

    Raises:
        ValueError, KeyError: another version of vcnd wrote it.
    """
    if kind == Leased.__name__:
        lease = msgspec.convert(form, _LeasedForm).lease.lease()
        _check_lease(lease)
        return Leased(lease)
    record = msgspec.convert(form, KINDS[kind])
    match record:
        case AddressAdded(private_ip):
            _check_object(private_ip)
        case VnicNumbered(slot):
            _check_slot(slot)
        case _:
            pass
    return record


def _check_lease(lease: Lease) -> None:
    for address in lease.addresses:
        ip_address(address)
    if lease.wiring is not None and not 0 <= lease.wiring.netns_cookie < MOST_COOKIE:
        raise ValueError("the number of a namespace is out of range")


def _check_object(found: PrivateIp) -> None:
    """Raise unless it is one address, or a block as OCI has them."""
    if str(ip_address(found.address)) != found.address:
        raise ValueError("another text is the same address")
    if found.prefix_length:
        ip_network(f"{found.address}/{found.prefix_length}")
    if found.size > MOST_ADDRESSES:
        raise ValueError(f"a block of /{found.prefix_length} is none of a VNIC's")


def _check_slot(slot: VnicSlot) -> None:
    if not 0 < slot.index < MOST_NUMBER:
        raise ValueError("the number of a VNIC is out of range")
    for network in slot.vnic.pod_networks:
        ip_network(network)
