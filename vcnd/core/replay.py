"""The state that the journal's records add up to.

A fold: ``apply`` takes one record, ``records`` gives the shortest sequence that
leads to the same state (compaction), ``recovered`` returns it for the start.
"""

from msgspec.structs import replace

from vcnd.model.ids import VnicId
from vcnd.model.records import (
    AddressAdded,
    AddressForgotten,
    AttachIntended,
    AttachSettled,
    DetachIntended,
    DetachSettled,
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


class Replay:
    """The state after some records.  ``at`` is seconds since boot."""

    def __init__(self) -> None:
        self._leases: dict[SandboxKey, tuple[Lease, float]] = {}
        self._holders: dict[str, SandboxKey] = {}
        self._released: dict[str, tuple[Lease, float]] = {}
        """Released addresses: each with a lease of it alone, and when."""
        self._private_ips: dict[str, PrivateIp] = {}
        self._lost: dict[str, PrivateIp] = {}
        """Leased addresses whose object was forgotten, each as an object of its own."""
        self._slots: dict[VnicId, VnicSlot] = {}
        self._unsettled: str | None = None
        self._returning: dict[str, None] = {}
        self._detaching: dict[VnicId, None] = {}

    def apply(self, record: Record, at: float) -> None:
        """Apply one record.  Records of unknown objects change nothing."""
        match record:
            case Leased(lease):
                self._lease(lease, at)
            case Released(key):
                self._release(key, at)
            case AddressAdded(private_ip):
                self._private_ips[private_ip.address] = private_ip
                self._returning.pop(private_ip.address, None)
                for a in private_ip.addresses if self._lost else ():
                    self._lost.pop(a, None)
            case AddressForgotten(address):
                self._forget(address)
            case VnicNumbered(slot):
                self._slots[slot.vnic.id] = slot
            case VnicForgotten(vnic_id):
                self._slots.pop(vnic_id, None)
                self._detaching.pop(vnic_id, None)
            case AttachIntended(token):
                self._unsettled = token
            case AttachSettled(token):
                if self._unsettled == token:
                    self._unsettled = None
            case _:
                self._intend(record)

    def _intend(self, record: Record) -> None:
        """Note an intended release, or the end of the intention."""
        match record:
            case ReturnIntended(addresses):
                known = (a for a in addresses if a in self._private_ips)
                self._returning |= dict.fromkeys(known)
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

    def _forget(self, first: str) -> None:
        """Drop the object that begins with an address."""
        held = self._private_ips.pop(first, None)
        self._returning.pop(first, None)
        for address in held.addresses if held is not None else ():
            self._released.pop(address, None)
            if held is not None and address in self._holders:
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
                too: their times are of the former boot's clock.
        """
        for key in list(self._leases):
            self._release(key, at)
        self._released = {a: (held, at) for a, (held, _) in self._released.items()}

    def records(self, *, cooled_before: float) -> list[tuple[Record, float]]:
        """Return the records that lead to this state, with their times.

        Args:
            cooled_before: releases older than this time no longer matter.
        """
        out: list[tuple[Record, float]] = []
        out += [(VnicNumbered(s), 0.0) for s in self._slots.values()]
        out += [(AddressAdded(p), 0.0) for p in self._private_ips.values()]
        for lease, at in self._released.values():
            if at >= cooled_before:
                out += [(Leased(lease), at), (Released(lease.key), at)]
        out += [(Leased(lease), at) for lease, at in self._leases.values()]
        for lost in self._lost.values():
            out += [(AddressAdded(lost), 0.0), (AddressForgotten(lost.address), 0.0)]
        out += [(ReturnIntended((a,)), 0.0) for a in self._returning]
        out += [(DetachIntended(v), 0.0) for v in self._detaching]
        if self._unsettled is not None:
            out.append((AttachIntended(self._unsettled), 0.0))
        return out

    def recovered(self, now: float) -> RecoveredState:
        """Return the state in the form that the start needs."""
        return RecoveredState(
            leases=tuple(lease for lease, _ in self._leases.values()),
            private_ips=tuple(self._private_ips.values()),
            slots=tuple(self._slots.values()),
            cooling=tuple(
                (address, max(0.0, now - at))
                for address, (_, at) in self._released.items()
            ),
            lost=tuple((a, p.vnic_id) for a, p in self._lost.items()),
            returning=tuple(self._returning),
            detaching=tuple(self._detaching),
            unsettled_attach=self._unsettled,
        )
