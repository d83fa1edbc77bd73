"""The ledger: which address is free, leased, cooling or being deleted.

The cloud gives addresses singly or as blocks.  A block is one object of the cloud: its
addresses are leased one by one, and created and deleted together.  So an object as a
whole is withheld while it is being added or deleted, or while it is in doubt whether
the cloud still gives it to us.  No new pod gets an address of a withheld object; leases
of its addresses stay.

Rule 1: all changes of an address' state are in this file.
Rule 2: an illegal move raises ``IllegalMoveError`` and changes nothing.
Rule 3: time is an argument (seconds of any monotonic clock).

Free addresses of a kind are taken first in, first out, so that an address rests as
long as possible before its next lease.  Addresses of blocks in use come first, then
singles, then addresses of unused blocks, so that blocks stay whole and can be
released.
"""

from collections.abc import Iterable
from math import inf

from vcnd.core.free_addresses import FreeAddresses
from vcnd.core.reservations import Reservations
from vcnd.core.states import (
    MOVES,
    Counts,
    IllegalMoveError,
    Move,
    State,
)
from vcnd.core.tally import Groups, Placed, Selector
from vcnd.model.family import Family
from vcnd.model.ids import PrivateIpId, VnicId
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.model.vnic import PrivateIp


def _every(_: Placed) -> bool:
    return True


class Ledger:
    """Owns the states of all addresses.  No lock is needed: no method awaits."""

    def __init__(self, *, cooling_seconds: float) -> None:
        self._cooling_seconds = cooling_seconds
        self._objects: dict[str, PrivateIp] = {}
        """By their first address."""
        self._addresses: dict[str, PrivateIp] = {}
        """The object behind every address."""
        self._free = FreeAddresses(self._addresses)
        self._leases: dict[SandboxKey, Lease] = {}
        self._holders: dict[str, SandboxKey] = {}
        self._cooling: dict[str, float] = {}
        self._withheld: dict[str, State] = {}
        """ADDING, DELETING or DOUBTED: why no pod gets an object's free addresses, by
        its first address."""
        self._lost: dict[str, VnicId] = {}
        """Leased addresses that the cloud no longer gives us, and their VNICs."""
        self._groups = Groups(
            holders=self._holders, cooling=self._cooling, withheld=self._withheld
        )
        self.reservations = Reservations(self._free, self._serves)

    # What is there

    def add(self, private_ip: PrivateIp, *, adding: bool = False) -> None:
        """Add an object of the cloud; while ``adding`` no pod gets its addresses."""
        addresses = private_ip.addresses
        self._check(Move.START_ADDING if adding else Move.ADD, addresses)
        self._objects[private_ip.address] = private_ip
        self._groups.add(private_ip)
        if adding:
            self._withheld[private_ip.address] = State.ADDING
        for address in addresses:
            self._addresses[address] = private_ip
            self._lost.pop(address, None)
            if address not in self._holders and address not in self._cooling:
                self._free.add(address)

    def mark_deleting(self, private_ip: PrivateIp) -> None:
        """Withhold an unused object before its deletion."""
        self._check_there(private_ip)
        self._check(Move.MARK_DELETING, private_ip.addresses)
        self._withheld[private_ip.address] = State.DELETING

    def doubt(self, private_ip: PrivateIp) -> None:
        """Withhold an object in doubt; one that is withheld already stays so."""
        self._check_there(private_ip)
        self._check(Move.DOUBT, private_ip.addresses)
        self._withheld.setdefault(private_ip.address, State.DOUBTED)

    def keep(self, private_ip: PrivateIp) -> None:
        """End the withholding of an object: the cloud gives it to us."""
        self._check_there(private_ip)
        if private_ip.address not in self._withheld:
            raise IllegalMoveError(f"{private_ip.address} is not withheld")
        self._check(Move.KEEP, private_ip.addresses)
        del self._withheld[private_ip.address]

    def why_withheld(self, private_ip: PrivateIp) -> State | None:
        """Return ADDING, DELETING or DOUBTED if its object is withheld, else None."""
        there = self._objects.get(private_ip.address) == private_ip
        return self._withheld.get(private_ip.address) if there else None

    @property
    def in_doubt(self) -> bool:
        """Return True if an object is doubted, or its record is not durable yet."""
        return any(w is not State.DELETING for w in self._withheld.values())

    def _check(self, move: Move, addresses: Iterable[str]) -> None:
        """Raise ``IllegalMoveError`` unless a move is legal for all addresses.

        A move begins with it, so numbers are counted anew after it.
        """
        self._groups.move()
        for address in addresses:
            state = self.state(address)
            if state not in MOVES[move]:
                raise IllegalMoveError(f"{address} is {state}: it cannot {move}")

    def _check_there(self, private_ip: PrivateIp) -> None:
        if self._objects.get(private_ip.address) != private_ip:
            raise IllegalMoveError(f"{private_ip.address} is not in the ledger")

    def forget(self, private_ip: PrivateIp) -> None:
        """Drop an object that is gone from the cloud; its leases stay until DEL."""
        self._check_there(private_ip)
        self._check(Move.FORGET, private_ip.addresses)
        del self._objects[private_ip.address]
        self._groups.remove(private_ip)
        self._withheld.pop(private_ip.address, None)
        for address in private_ip.addresses:
            self._free.discard(address)
            del self._addresses[address]
            self._cooling.pop(address, None)
            if address in self._holders:
                self._lost[address] = private_ip.vnic_id

    def lose(self, address: str, vnic_id: VnicId) -> None:
        """Restore a leased address that was lost before (read from the journal)."""
        if self.state(address) is not State.LOST:
            raise IllegalMoveError(f"{address} is {self.state(address)}, not lost")
        self._lost[address] = vnic_id

    # Who holds it

    def take(
        self, key: SandboxKey, which: Selector = _every, uid: str = ""
    ) -> str | None:
        """Return the free address to lease next, or None; ``lease`` follows.

        Args:
            key: the sandbox that it is for.
            which: selects the objects that it may belong to.
            uid: the pod's: it gets what is reserved for it.
        """
        if key in self._leases:
            raise IllegalMoveError(f"{key} holds {self._leases[key].address} already")
        return self._free.next(lambda p: self._serves(p) and which(p), uid)

    def _serves(self, private_ip: PrivateIp) -> bool:
        return private_ip.address not in self._withheld

    def lease(self, lease: Lease) -> None:
        """Lease free addresses to a sandbox."""
        if lease.key in self._leases:
            raise IllegalMoveError(f"{lease.key} holds an address already")
        self._check(Move.LEASE, lease.addresses)
        for address in lease.addresses:
            self._free.discard(address)
        self._hold(lease)

    def restore(self, lease: Lease) -> None:
        """Restore a lease read from the journal; its addresses may be unknown."""
        if lease.key in self._leases:
            raise IllegalMoveError(f"{lease.key} holds an address already")
        self._check(Move.RESTORE, lease.addresses)
        for address in lease.addresses:
            self._free.discard(address)
            self._cooling.pop(address, None)
        self._hold(lease)

    def _hold(self, lease: Lease) -> None:
        self._leases[lease.key] = lease
        for address in lease.addresses:
            self._holders[address] = lease.key

    def amend(self, held: Lease, lease: Lease) -> None:
        """Replace a lease by one of the same addresses with more fields known."""
        if self._leases.get(held.key) != held or held.addresses != lease.addresses:
            raise IllegalMoveError(f"{held.key} does not hold {lease.addresses}")
        if lease.key != held.key and lease.key in self._leases:
            raise IllegalMoveError(f"{lease.key} holds an address already")
        del self._leases[held.key]
        self._hold(lease)

    def end_lease(self, key: SandboxKey) -> Lease | None:
        """End a sandbox's lease and return it; return None if there was none.

        No pod gets its addresses until ``start_cooldown``, which follows when the end
        of the lease is durable.  Otherwise a crash could bring the lease back after
        another pod got the address.
        """
        lease = self._leases.get(key)
        if lease is not None:
            self._check(Move.END_LEASE, lease.addresses)
            del self._leases[key]
        for address in lease.addresses if lease is not None else ():
            del self._holders[address]
            self._lost.pop(address, None)
            if address in self._addresses:
                self._cooling[address] = inf
        return lease

    def start_cooldown(self, lease: Lease, since: float) -> None:
        """Start the cooldown of an ended lease's addresses, once its end is durable.

        A fixed address needs no cooldown: only the pod of its name can get it, so
        peers never see a different owner.
        """
        for address in lease.addresses:
            if self._cooling.get(address) != inf:
                continue  # forgotten meanwhile, or leased again
            self._check(Move.START_COOLDOWN, [address])
            self._cooling[address] = since + self._cooling_seconds
            if self._addresses[address].fixed:
                del self._cooling[address]
                self._free.add(address)

    def revert(self, lease: Lease) -> None:
        """Undo a ``lease`` that was not written; its addresses are first again."""
        if self._leases.get(lease.key) != lease:
            raise IllegalMoveError(f"{lease.key} does not hold {lease.addresses}")
        self._check(Move.REVERT, lease.addresses)
        del self._leases[lease.key]
        for address in lease.addresses:
            del self._holders[address]
            self._lost.pop(address, None)
            if address in self._addresses:
                self._free.add(address, first=True)

    def restore_cooldown(self, address: str, until: float) -> None:
        """Restore an address' cooldown until a time; one that lasts longer stays."""
        self._check(Move.RESTORE_COOLDOWN, [address])
        self._free.discard(address)
        self._cooling[address] = max(until, self._cooling.get(address, until))

    def end_cooldown(self, now: float) -> list[str]:
        """Free all addresses whose cooldown has ended; return them."""
        done = [a for a, until in self._cooling.items() if until <= now]
        if not done:
            return done
        self._check(Move.END_COOLDOWN, done)
        for address in done:
            del self._cooling[address]
            self._free.add(address)
        return done

    # Questions

    def next_cooldown_end(self) -> float | None:
        """Return the time at which the next cooldown ends, or None."""
        ends = (until for until in self._cooling.values() if until < inf)
        return min(ends, default=None)

    def state(self, address: str) -> State:
        """Return the state of an address."""
        private_ip = self._addresses.get(address)
        if address in self._holders:
            return State.LOST if private_ip is None else State.LEASED
        if private_ip is None:
            return State.UNKNOWN
        withheld = self._withheld.get(private_ip.address)
        if withheld is not None:
            return withheld
        return State.FREE if address in self._free else State.COOLING

    def lease_of(self, key: SandboxKey) -> Lease | None:
        """Return a sandbox's lease."""
        return self._leases.get(key)

    def leases(self) -> list[Lease]:
        """Return all leases."""
        return list(self._leases.values())

    def private_ip(self, address: str) -> PrivateIp | None:
        """Return the cloud's object behind an address."""
        return self._addresses.get(address)

    def private_ips(self) -> list[PrivateIp]:
        """Return every object that the cloud gives us."""
        return list(self._objects.values())

    def releasable(self) -> list[PrivateIp]:
        """Return the objects all of whose addresses are free, longest free first.

        Fixed addresses are excluded: the pool does not release them; and so are
        objects of which an address is reserved.
        """
        free, reserved = enumerate(self._free), self._free.is_reserved
        order = {address: n for n, address in free if not reserved(address)}
        whole = [
            (max(order[a] for a in p.addresses), p)
            for p in self._objects.values()
            if not p.fixed
            and p.address not in self._withheld
            and all(a in order for a in p.addresses)
        ]
        return [p for _, p in sorted(whole, key=lambda pair: pair[0])]

    def ids(self) -> set[PrivateIpId]:
        """Return the OCIDs of all objects."""
        return {p.id for p in self._objects.values()}

    def per_vnic(self) -> dict[VnicId, list[PrivateIp]]:
        """Return each VNIC's objects, of both families."""
        held: dict[VnicId, list[PrivateIp]] = {}
        for p in self._objects.values():
            held.setdefault(p.vnic_id, []).append(p)
        return held

    def counts(self, which: Selector = _every) -> Counts:
        """Return how many addresses of some groups of objects are in each state."""
        return self._groups.counts(which)

    def held(self, vnic_id: VnicId, family: Family) -> int:
        """Return how many objects of a family a VNIC has."""
        return self._groups.held(vnic_id, family)

    def families(self) -> set[Family]:
        """Return the families of all objects."""
        return self._groups.families()

    def lost(self) -> set[str]:
        """Return the leased addresses that the cloud no longer gives us."""
        return set(self._lost)

    def unplaced(self) -> set[str]:
        """Return the leased addresses whose VNIC is not known, nor was ever.

        Their leases were found in the kernel, and the cloud's lists lag behind.
        """
        return self._holders.keys() - self._addresses.keys() - self._lost.keys()

    def vnics_leased(self) -> set[VnicId]:
        """Return the VNICs that leased addresses are on, or were when lost."""
        found = (self._addresses.get(a) for a in self._holders)
        return {p.vnic_id for p in found if p is not None} | {*self._lost.values()}
