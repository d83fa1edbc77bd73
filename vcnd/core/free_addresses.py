"""The free addresses, and which of them a pod gets: from blocks in use first.

So other blocks stay whole and can be released.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping

from vcnd.model.vnic import PrivateIp

IN_USE, SINGLE, WHOLE = range(3)
"""Ranks: blocks in use come before singles, and those before whole blocks."""


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
        """How many addresses of each block are free, by its first address."""
        self._in_use: set[str] = set()
        """The blocks of which some addresses are free and some are not."""

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
        """Remove an address if it is free; its object is known until then."""
        if address in self._order:
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

    def next(self, eligible: Callable[[PrivateIp], bool]) -> str | None:
        """Return the address to lease next, or None.

        As a rule it is among the first: nothing is computed for each address.

        Args:
            eligible: says which objects may be used.
        """
        best, best_rank = None, WHOLE + 1
        least = IN_USE if self._in_use else SINGLE
        for address in self._order:
            behind = self._behind[address]
            rank = self._rank(behind)
            if rank < best_rank and eligible(behind):
                best, best_rank = address, rank
                if rank == least:
                    break
        return best

    def _rank(self, behind: PrivateIp) -> int:
        if behind.size == 1:
            return SINGLE
        return IN_USE if behind.address in self._in_use else WHOLE
