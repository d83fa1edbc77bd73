"""The taken addresses of a subnet: one IP family, all its CIDR blocks.

They are kept as spans, not one by one: a /64 has too many addresses for a set.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from fakeoci.world.errors import ServiceError, invalid, limit_exceeded

Network = IPv4Network | IPv6Network
V6_ROUTER = IPv6Address("fe80::200:17ff:feff:ff01")
"""The virtual router of every IPv6 subnet is link-local."""


class Spans:
    """Disjoint ranges of numbers, in ascending order; adjacent ranges are merged."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []

    def __iter__(self) -> Iterator[range]:
        return map(range, self._starts, self._stops)

    def __contains__(self, number: int) -> bool:
        return self.meets(range(number, number + 1))

    def meets(self, span: range) -> bool:
        """Return True if the set contains a number of the span."""
        at = bisect_right(self._stops, span.start)
        return at < len(self._starts) and self._starts[at] < span.stop

    def add(self, span: range) -> None:
        """Add a span; the set may contain parts already."""
        first = bisect_left(self._stops, span.start)
        last = bisect_right(self._starts, span.stop)
        start, stop = span.start, span.stop
        if first < last:
            start = min(start, self._starts[first])
            stop = max(stop, self._stops[last - 1])
        self._starts[first:last] = [start]
        self._stops[first:last] = [stop]

    def remove(self, span: range) -> None:
        """Remove a span; the set may lack parts already."""
        first = bisect_right(self._stops, span.start)
        last = bisect_left(self._starts, span.stop)
        if first >= last:
            return
        before = range(self._starts[first], span.start)
        after = range(span.stop, self._stops[last - 1])
        rest = [r for r in (before, after) if r]
        self._starts[first:last] = [r.start for r in rest]
        self._stops[first:last] = [r.stop for r in rest]

    def gaps(self, within: range) -> Iterator[range]:
        """Return the ranges of ``within`` that the set lacks."""
        start = within.start
        at = bisect_right(self._stops, start)
        while at < len(self._starts) and self._starts[at] < within.stop:
            if start < self._starts[at]:
                yield range(start, self._starts[at])
            start = self._stops[at]
            at += 1
        if start < within.stop:
            yield range(start, within.stop)

    @property
    def count(self) -> int:
        """Return how many numbers the set contains."""
        return sum(self._stops) - sum(self._starts)


@dataclass
class AddressSpace:
    """The addresses of one subnet in one IP family."""

    blocks: list[Network]
    taken: Spans = field(default_factory=Spans)
    _next: dict[Network, int] = field(default_factory=dict)
    _hoarded: list[range] = field(default_factory=list)

    @staticmethod
    def usable(block: Network) -> range:
        """Return the addresses that OCI assigns.

        IPv4: all but the first two and the last (docs/oci.md#limits).  IPv6: all
        but the first, the subnet-router anycast address; no source says more.
        """
        first = int(block.network_address)
        if block.version == 6:  # noqa: PLR2004
            return _span(first + 1, block.num_addresses - 1)
        return range(first + 2, first + block.num_addresses - 1)

    @property
    def router(self) -> IPv4Address | IPv6Address:
        """Return the virtual router; for IPv4, the first host of the first block."""
        block = self.blocks[0]
        return V6_ROUTER if isinstance(block, IPv6Network) else block[1]

    def named(self, cidr: str | None) -> list[Network]:
        """Return the block of a CIDR, or all blocks if it is None.

        Raises:
            ServiceError: 400, the subnet has no such block.
        """
        if cidr is None:
            return self.blocks
        found = [b for b in self.blocks if str(b) == cidr]
        if not found:
            raise invalid(f"{cidr} is no CIDR block of the subnet")
        return found

    def check_named(self, cidr: str | None, address: str) -> None:
        """Raise 400 if an address is not in a CIDR's block; None: in any block."""
        if not any(ip_address(address) in b for b in self.named(cidr)):
            raise invalid(f"{address} is in no CIDR block {cidr or 'of the subnet'}")

    def block_of(self, address: str) -> Network:
        """Return the CIDR block of an address."""
        return next(b for b in self.blocks if ip_address(address) in b)

    def take(self, address: str, prefix: int | None = None) -> None:
        """Take a named address or aligned block."""
        wanted = _network_span(address, prefix)
        inside = any(
            u.start <= wanted.start and wanted.stop <= u.stop
            for u in map(self.usable, self.blocks)
        )
        if not inside:
            raise invalid(f"{address}/{prefix} is not in the subnet's usable range")
        if self.taken.meets(wanted):
            raise ServiceError(
                409,
                "NotAuthorizedOrResourceAlreadyExists",
                f"{address}/{prefix} is in use",
            )
        self.taken.add(wanted)

    def take_any(self, cidr: str | None = None) -> str:
        """Take and return the next free address; the search wraps in each block."""
        for block in self.named(cidr):
            usable = self.usable(block)
            start = self._next.get(block, usable.start)
            turns = (range(start, usable.stop), range(usable.start, start))
            gap = next((g for turn in turns for g in self.taken.gaps(turn)), None)
            if gap is not None:
                self.taken.add(range(gap.start, gap.start + 1))
                self._next[block] = gap.start + 1
                return str(block[gap.start - int(block.network_address)])
        raise limit_exceeded("the subnet has no free private IP address left")

    def take_block(self, prefix: int, cidr: str | None = None) -> str:
        """Take the first free aligned block; return its first address."""
        for block in self.named(cidr):
            size = 1 << (block.max_prefixlen - prefix)
            for gap in self.taken.gaps(self.usable(block)):
                start = -(-gap.start // size) * size
                if start + size <= gap.stop:
                    self.taken.add(range(start, start + size))
                    return str(block[start - int(block.network_address)])
        raise limit_exceeded(f"the subnet has no free aligned /{prefix} block left")

    def give_back(self, address: str, prefix: int | None = None) -> None:
        """Free an address or block."""
        self.taken.remove(_network_span(address, prefix))

    def in_use(self, block: Network) -> int:
        """Return how many addresses of a CIDR block are taken."""
        usable = self.usable(block)
        free = sum(g.stop - g.start for g in self.taken.gaps(usable))
        return usable.stop - usable.start - free

    def exhaust(self) -> int:
        """Take all free addresses; return how many.  ``relieve`` frees them again."""
        gaps = [g for b in self.blocks for g in self.taken.gaps(self.usable(b))]
        for gap in gaps:
            self.taken.add(gap)
        self._hoarded += gaps
        return sum(g.stop - g.start for g in gaps)

    def relieve(self) -> None:
        """Free the addresses that ``exhaust`` took."""
        for gap in self._hoarded:
            self.taken.remove(gap)
        self._hoarded.clear()

    @property
    def free(self) -> int:
        """Return how many addresses are free."""
        gaps = (g for b in self.blocks for g in self.taken.gaps(self.usable(b)))
        return sum(g.stop - g.start for g in gaps)


def _span(start: int, count: int) -> range:
    return range(start, start + count)


def _network_span(address: str, prefix: int | None) -> range:
    text = address if prefix is None else f"{address}/{prefix}"
    try:
        network = ip_network(text)
    except ValueError as error:
        raise invalid(f"{text}: {error}") from error
    return _span(int(network.network_address), network.num_addresses)
