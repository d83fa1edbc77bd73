"""The free addresses, and which of them a pod gets: from blocks in use first.

So other blocks stay whole and can be released.

A free address may be reserved for a pod whose ADD has not come yet.  It stays free: a
reservation is a preference.  The pod gets it, and any other pod only if nothing else is
free; then the reservation ends.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from vcnd.model.vnic import PrivateIp

IN_USE, SINGLE, WHOLE, RESERVED = range(4)
"""Ranks: blocks in use come before singles, and those before whole blocks; what is
reserved for others comes last."""


class FreeAddresses:
    """Free addresses in the order in which pods get them, the longest free first."""

    def __init__(self, behind: Mapping[str, PrivateIp]) -> None:
        """Begin with none.

        Args:
            behind: the object behind each address; it has those that are added here.
        """
        self._behind = behind
        self._order: OrderedDict[str, None] = OrderedDict()
        self._counts: dict[str, int] = {}
        """How many addresses of each block are free and not reserved, by its first
        address."""
        self._in_use: set[str] = set()
        """The blocks some of whose addresses count, and some do not."""
        self._reserved: dict[str, tuple[str, ...]] = {}
        """Reserved addresses, by the pod's uid; never empty."""
        self._owners: dict[str, str] = {}
        """The pods' uids, by reserved address."""

    def __contains__(self, address: object) -> bool:
        return address in self._order

    def __iter__(self) -> Iterator[str]:
        return iter(self._order)

    def add(self, address: str, *, first: bool = False) -> None:
        """Add an address as the last one to get, or as the first."""
        if address in self._order:
            return
        self._order[address] = None
        if first:
            self._order.move_to_end(address, last=False)
        self._count(address, 1)

    def discard(self, address: str) -> None:
        """Remove an address if it is free; its object is known until then.

        Its reservation ends.
        """
        if address not in self._order:
            return
        owner = self._owners.get(address)
        if owner is not None:
            self.reserve(owner, (a for a in self._reserved[owner] if a != address))
        del self._order[address]
        self._count(address, -1)

    def _count(self, address: str, change: int) -> None:
        block = self._behind[address]
        if block.size == 1:
            return
        count = self._counts.pop(block.address, 0) + change
        if count:
            self._counts[block.address] = count
        if 0 < count < block.size:
            self._in_use.add(block.address)
        else:
            self._in_use.discard(block.address)

    def next(self, eligible: Callable[[PrivateIp], bool], uid: str = "") -> str | None:
        """Return the address to lease next, or None.

        As a rule it is among the first: nothing is computed for each address.

        Args:
            eligible: says which objects may be used.
            uid: the pod's.
        """
        for address in self._reserved.get(uid, ()):
            if eligible(self._behind[address]):
                return address
        best, best_rank = None, RESERVED + 1
        # Whether an object may be used, by its first address: each is asked about once.
        fits: dict[str, bool] = {}
        least = IN_USE if self._in_use else SINGLE
        for address in self._order:
            behind = self._behind[address]
            rank = RESERVED if address in self._owners else self._rank(behind)
            if rank >= best_rank:
                continue
            if behind.address not in fits:
                fits[behind.address] = eligible(behind)
            if fits[behind.address]:
                best, best_rank = address, rank
                if rank == least:
                    break
        return best

    def _rank(self, behind: PrivateIp) -> int:
        if behind.size == 1:
            return SINGLE
        return IN_USE if behind.address in self._in_use else WHOLE

    # Reservations

    def reserve(self, uid: str, addresses: Iterable[str]) -> None:
        """Reserve free addresses for a pod, those alone; none ends its reservation."""
        wanted = tuple(addresses)
        for address in self._reserved.pop(uid, ()):
            del self._owners[address]
            self._count(address, 1)
        for address in wanted:
            self._owners[address] = uid
            self._count(address, -1)
        if wanted:
            self._reserved[uid] = wanted

    def spare(
        self,
        eligible: Callable[[PrivateIp], bool],
        uid: str,
        preferred: Sequence[str] = (),
    ) -> str | None:
        """Return an address to reserve for a pod, or None: the one that it has, if any.

        Args:
            eligible: says which objects may be used.
            uid: the pod's.
            preferred: addresses that it gets rather than others.
        """
        for address in (*self._reserved.get(uid, ()), *preferred):
            ours = address in self._order and self._owners.get(address, uid) == uid
            if ours and eligible(self._behind[address]):
                return address
        found = self.next(eligible)
        return None if found in self._owners else found

    def is_reserved(self, address: str) -> bool:
        """Return True if an address is reserved for a pod."""
        return address in self._owners

    @property
    def reserved(self) -> Mapping[str, tuple[str, ...]]:
        """Return the reserved addresses, by the pods' uids."""
        return self._reserved
