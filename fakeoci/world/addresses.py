"""Which addresses of a subnet are taken."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from fakeoci.world.errors import ServiceError, invalid, limit_exceeded


@dataclass
class AddressSpace:
    """The IPv4 addresses of one subnet, over all its CIDR blocks."""

    blocks: list[IPv4Network]
    taken: set[int] = field(default_factory=set)
    _next: dict[IPv4Network, int] = field(default_factory=dict)
    _hoarded: set[int] = field(default_factory=set)

    def usable(self, block: IPv4Network) -> range:
        """Return a block's addresses but the first two and the last: OCI keeps them."""
        first = int(block.network_address)
        return range(first + 2, first + block.num_addresses - 1)

    @property
    def router(self) -> IPv4Address:
        """Return the virtual router: the first host address of the first block."""
        return self.blocks[0].network_address + 1

    def take(self, address: str, prefix: int = 32) -> None:
        """Take a named address or aligned block."""
        wanted = self._span(address, prefix)
        inside = any(
            wanted.start in self.usable(b) and wanted[-1] in self.usable(b)
            for b in self.blocks
        )
        if not inside:
            raise invalid(f"{address}/{prefix} is not in the subnet's usable range")
        if any(n in self.taken for n in wanted):
            raise ServiceError(
                409,
                "NotAuthorizedOrResourceAlreadyExists",
                f"{address}/{prefix} is in use",
            )
        self.taken.update(wanted)

    def take_any(self) -> str:
        """Take the next free address, round the blocks."""
        for block in self.blocks:
            usable = self.usable(block)
            start = self._next.get(block, usable.start)
            for n in (*range(start, usable.stop), *range(usable.start, start)):
                if n not in self.taken:
                    self.taken.add(n)
                    self._next[block] = n + 1
                    return str(IPv4Address(n))
        raise limit_exceeded("the subnet has no free private IP address left")

    def take_block(self, prefix: int) -> str:
        """Take a free aligned block."""
        size = 1 << (32 - prefix)
        for block in self.blocks:
            usable = self.usable(block)
            first = -(-usable.start // size) * size
            for start in range(first, usable.stop - size + 1, size):
                span = range(start, start + size)
                if not any(n in self.taken for n in span):
                    self.taken.update(span)
                    return str(IPv4Address(start))
        raise limit_exceeded(f"the subnet has no free aligned /{prefix} block left")

    def give_back(self, address: str, prefix: int = 32) -> None:
        """Free an address or block."""
        self.taken.difference_update(self._span(address, prefix))

    def exhaust(self) -> int:
        """Take all that is free, for nobody; return how many.  ``relieve`` ends it."""
        everything = {n for block in self.blocks for n in self.usable(block)}
        fresh = everything - self.taken
        self._hoarded |= fresh
        self.taken |= fresh
        return len(fresh)

    def relieve(self) -> None:
        """Give back what ``exhaust`` took."""
        self.taken -= self._hoarded
        self._hoarded.clear()

    @property
    def free(self) -> int:
        """Return how many addresses are free."""
        return sum(len(self.usable(b)) for b in self.blocks) - len(self.taken)

    @staticmethod
    def _span(address: str, prefix: int) -> range:
        try:
            network = IPv4Network(f"{address}/{prefix}")
        except ValueError as error:
            raise invalid(f"{address}/{prefix}: {error}") from error
        first = int(network.network_address)
        return range(first, first + network.num_addresses)
