"""Subnet pressure: which subnets are nearly full, so that nodes hold no buffer.  Pure.

Every node reads the same figure, so all of them go lean, and what one had to spare
another's pod gets.  The addresses that they then release must not make them grow again
at once: a subnet stays under pressure for a while after it was last nearly full, and
until clearly less of it is in use.  Time is an argument (seconds of any monotonic
clock).
"""

from collections.abc import Iterable
from ipaddress import ip_network

EASE = 0.1
"""Pressure ends when this part of a subnet more is free than when it began."""
LEAN_SECONDS = 3600.0
"""How long nodes hold no buffer after a subnet was last nearly full."""
RESERVED_ADDRESSES = 3
"""OCI's share of each block of a subnet: the first two addresses and the last."""


def used_part(blocks: Iterable[tuple[str, float]]) -> float:
    """Return which part of a subnet's addresses is in use, from 0 to 1.

    Args:
        blocks: its CIDRs, and how much of each is in use, in per cent.
    """
    used = usable = 0.0
    for cidr, percent in blocks:
        size = ip_network(cidr).num_addresses
        used += size * percent / 100
        usable += max(1, size - RESERVED_ADDRESSES)
    return min(1.0, used / usable) if usable else 0.0


class SubnetPressure:
    """What the node knows of its subnets' use."""

    def __init__(self, lean_at: float) -> None:
        self._lean_at = lean_at
        self._used: dict[str, float] = {}
        self._until: dict[str, float] = {}
        """Subnets under pressure, and until when they are at least."""

    def note(self, subnet_id: str, used: float, now: float) -> None:
        """Note which part of a subnet is in use, from 0 to 1."""
        self._used[subnet_id] = used
        if self._lean_at and used >= self._lean_at:
            self._until[subnet_id] = now + LEAN_SECONDS
        elif now >= self._until.get(subnet_id, now) and used < self._lean_at - EASE:
            self._until.pop(subnet_id, None)

    def is_pressed(self, subnet_id: str) -> bool:
        """Return True if nodes hold no buffer of this subnet."""
        return subnet_id in self._until

    def is_close(self, subnet_id: str) -> bool:
        """Return True if a subnet is, or may soon be, under pressure."""
        used = self._used.get(subnet_id, 0.0)
        return self.is_pressed(subnet_id) or used >= self._lean_at - EASE

    def used(self, subnet_id: str) -> float:
        """Return which part of a subnet was in use when it was last read."""
        return self._used.get(subnet_id, 0.0)

    def keep_only(self, subnet_ids: Iterable[str]) -> None:
        """Forget all other subnets."""
        for gone in self._used.keys() - {*subnet_ids}:
            del self._used[gone]
            self._until.pop(gone, None)
