"""The state that the journal's records add up to.

A fold: ``apply`` takes one record, ``records`` gives the shortest sequence that
leads to the same state (compaction), ``recovered`` returns it for the start.
"""

from itertools import takewhile

from msgspec.structs import replace

from vcnd.core.recent import RECENT_SECONDS
from vcnd.model.ids import PrivateIpId, VnicId
from vcnd.model.records import (
    AddressAdded,
    AddressForgotten,
    AttachIntended,
    AttachSettled,
    DetachIntended,
    DetachSettled,
    DrainSet,
    JournalLost,
    Leased,
    Record,
    RecoveredState,
    Released,
    ReturnIntended,
    ReturnSettled,
    VnicForgotten,
    VnicNumbered,
)
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.model.vnic import PrivateIp, VnicSlot

KEEP_RELEASES_SECONDS = 3600
"""Compaction drops the ends of leases that are older: no cooldown is longer (I3)."""
LONG_AGO = -3600.0
"""Seconds since boot: the time of what was there before it."""


class Replay:
    """The state after some records.  ``at`` is seconds since boot."""

    def __init__(self) -> None:
        self._leases: dict[SandboxKey, tuple[Lease, float]] = {}
        self._holders: dict[str, SandboxKey] = {}
        self._released: dict[str, tuple[Lease, float]] = {}
        """Released addresses: each with a lease of it alone, and when."""
        self._private_ips: dict[str, tuple[PrivateIp, float]] = {}
        """By first address, each with when it came."""
        self._objects: dict[str, str] = {}
        """The first address of the object that has an address."""
        self._forgotten: dict[PrivateIpId, tuple[PrivateIp, float]] = {}
        """Objects that went lately, each with when."""
        self._lost: dict[str, PrivateIp] = {}
        """Leased addresses whose object was forgotten, each as an object of its own."""
        self._slots: dict[VnicId, tuple[VnicSlot, float]] = {}
        """The VNICs, each with when it came."""
        self._unsettled: str | None = None
        self._returning: dict[str, str | None] = {}
        """What is about to be released, each with its work request."""
        self._detaching: dict[VnicId, None] = {}
        self._draining = False
        self._lost_at: float | None = None
        """When it was noted that earlier records were lost."""

    def apply(self, record: Record, at: float) -> None:
        """Apply one record.  Records of unknown objects change nothing."""
        match record:
            case Leased(lease):
                self._lease(lease, at)
            case Released(key):
                self._release(key, at)
            case AddressAdded(private_ip):
                self._add(private_ip, at)
            case AddressForgotten(address):
                self._forget(address, at)
            case VnicNumbered(slot):
                _, since = self._slots.get(slot.vnic.id, (slot, at))
                self._slots[slot.vnic.id] = (slot, since)
            case VnicForgotten(vnic_id):
                self._slots.pop(vnic_id, None)
                self._detaching.pop(vnic_id, None)
            case AttachIntended(token):
                self._unsettled = token
            case AttachSettled(token):
                if self._unsettled == token:
                    self._unsettled = None
            case DrainSet(on):
                self._draining = on
            case JournalLost():
                self._lost_at = at
            case _:
                self._intend(record)

    def _intend(self, record: Record) -> None:
        """Note an intended release, or the end of the intention."""
        match record:
            case ReturnIntended(addresses, work):
                known = (a for a in addresses if a in self._private_ips)
                self._returning |= dict.fromkeys(known, work)
            case ReturnSettled(addresses):
                for address in addresses:
                    self._returning.pop(address, None)
            case DetachIntended(vnic_id):
                self._detaching[vnic_id] = None
            case DetachSettled(vnic_id):
                self._detaching.pop(vnic_id, None)
            case _:
                pass

    def _lease(self, lease: Lease, at: float) -> None:
        self._end(lease.key)
        for address in lease.addresses:
            # I1: of several leases of an address the newest counts.
            self._end(self._holders.get(address))
        self._leases[lease.key] = (lease, at)
        for address in lease.addresses:
            self._holders[address] = lease.key
            self._released.pop(address, None)

    def _release(self, key: SandboxKey, at: float) -> None:
        ended = self._end(key)
        if ended is None:
            return
        for address in ended.addresses:
            alone = replace(ended, addresses=(address,))
            self._released[address] = (alone, at)

    def _add(self, private_ip: PrivateIp, at: float) -> None:
        first = private_ip.address
        held, since = self._private_ips.get(first, (private_ip, at))
        came = since if held.id == private_ip.id else at
        if held.size != private_ip.size:
            self._forget(first, at)
        for address in private_ip.addresses:
            # The cloud gives an address once: the record of the older's end was lost.
            if (older := self._objects.get(address, first)) != first:
                self._forget(older, at)
        self._objects.update(dict.fromkeys(private_ip.addresses, first))
        self._private_ips[first] = (private_ip, came)
        self._forgotten.pop(private_ip.id, None)
        self._returning.pop(first, None)
        for a in private_ip.addresses if self._lost else ():
            self._lost.pop(a, None)

    def _forget(self, first: str, at: float) -> None:
        """Drop the object that begins with an address."""
        self._returning.pop(first, None)
        found = self._private_ips.pop(first, None)
        if found is None:
            return
        held, _ = found
        # They come in the order of their times: those before a young one stay.
        self._forgotten.pop(held.id, None)
        since = at - RECENT_SECONDS
        gone = ((ocid, went) for ocid, (_, went) in self._forgotten.items())
        for ocid, _ in [*takewhile(lambda x: x[1] <= since, gone)]:
            del self._forgotten[ocid]
        self._forgotten[held.id] = (held, at)
        for address in held.addresses:
            self._objects.pop(address, None)
            self._released.pop(address, None)
            if address in self._holders:
                self._lost[address] = replace(held, address=address, prefix_length=0)

    def _end(self, key: SandboxKey | None) -> Lease | None:
        """End a sandbox's lease and return it."""
        held = self._leases.pop(key, None) if key is not None else None
        if held is None:
            return None
        for address in held[0].addresses:
            del self._holders[address]
            self._lost.pop(address, None)
        return held[0]

    def void_leases(self, at: float) -> None:
        """End all leases: the node has booted, so the sandboxes are gone.

        Args:
            at: a time by which they were gone.  Released addresses cool from then on
                too, also unknown ones: their times are of the former boot's clock.
                What the cloud gave before is not new any more.
        """
        for key in list(self._leases):
            self._release(key, at)
        self._released = {a: (held, at) for a, (held, _) in self._released.items()}
        old = LONG_AGO
        self._slots = {v: (slot, old) for v, (slot, _) in self._slots.items()}
        self._private_ips = {a: (p, old) for a, (p, _) in self._private_ips.items()}
        self._forgotten.clear()
        self._lost_at = None if self._lost_at is None else at

    def records(self, *, cooled_before: float) -> list[tuple[Record, float]]:
        """Return the records that lead to this state, with their times.

        Args:
            cooled_before: what ended before this time no longer matters.
        """
        out: list[tuple[Record, float]] = []
        out += [(VnicNumbered(s), at) for s, at in self._slots.values()]
        lost_ids = {p.id for p in self._lost.values()}
        for p, at in self._forgotten.values():
            if at >= cooled_before and p.id not in lost_ids:
                out += [(AddressAdded(p), at), (AddressForgotten(p.address), at)]
        out += [(AddressAdded(p), at) for p, at in self._private_ips.values()]
        for lease, at in self._released.values():
            if at >= cooled_before:
                out += [(Leased(lease), at), (Released(lease.key), at)]
        out += [(Leased(lease), at) for lease, at in self._leases.values()]
        for lost in self._lost.values():
            _, at = self._forgotten.get(lost.id, (lost, LONG_AGO))
            out += [(AddressAdded(lost), at), (AddressForgotten(lost.address), at)]
        out += [(ReturnIntended((a,), w), 0.0) for a, w in self._returning.items()]
        out += [(DetachIntended(v), 0.0) for v in self._detaching]
        if self._unsettled is not None:
            out.append((AttachIntended(self._unsettled), 0.0))
        if self._draining:
            out.append((DrainSet(on=True), 0.0))
        if self._lost_at is not None and self._lost_at >= cooled_before:
            out.append((JournalLost(), self._lost_at))
        return out

    def recovered(self, now: float) -> RecoveredState:
        """Return the state in the form that the start needs."""
        return RecoveredState(
            leases=tuple(lease for lease, _ in self._leases.values()),
            private_ips=tuple(p for p, _ in self._private_ips.values()),
            slots=tuple(slot for slot, _ in self._slots.values()),
            ages={
                **{p.id: now - at for p, at in self._private_ips.values()},
                **{v: now - at for v, (_, at) in self._slots.items()},
            },
            forgotten={
                ocid: now - at
                for ocid, (_, at) in self._forgotten.items()
                if now - at < RECENT_SECONDS
            },
            cooling=tuple(
                (address, max(0.0, now - at))
                for address, (_, at) in self._released.items()
            ),
            ended=tuple(
                {
                    lease.key: (lease, max(0.0, now - at))
                    for lease, at in self._released.values()
                }.values()
            ),
            lost=tuple((a, p.vnic_id) for a, p in self._lost.items()),
            returning=dict(self._returning),
            detaching=tuple(self._detaching),
            unsettled_attach=self._unsettled,
            draining=self._draining,
            lost_ago=None if self._lost_at is None else now - self._lost_at,
        )
