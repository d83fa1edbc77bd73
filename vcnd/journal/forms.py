"""How records look on disk (format 2), where that is not how they look in memory."""

from typing import Any, Self, get_args

import msgspec

from vcnd.model.records import Leased, Record
from vcnd.model.sandbox import HostLink, Lease, PodRef, SandboxKey

KINDS: dict[str, type[Record]] = {kind.__name__: kind for kind in get_args(Record)}


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
        return Leased(msgspec.convert(form, _LeasedForm).lease.lease())
    return msgspec.convert(form, KINDS[kind])
