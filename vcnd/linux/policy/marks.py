"""The numbers of policies' chains, as connections carry them in their marks.  Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from vcnd.linux.layout import POLICY_MARKS
from vcnd.model.policy import Direction

OK = {Direction.INGRESS: "ok_in_", Direction.EGRESS: "ok_out_"}
"""Begins the names of chains that accept, and give a number to the connection."""
BITS = 8
"""Of a direction's number."""


class Marks(msgspec.Struct, frozen=True):
    """The bits of connection marks that have the numbers: eight for each direction.

    No other bits than these change, and nobody else may change these.
    """

    ingress: int = POLICY_MARKS & 0x00FFFF
    egress: int = POLICY_MARKS & 0xFF0000

    @property
    def all(self) -> int:
        """The bits of both directions."""
        return self.ingress | self.egress

    def mask(self, direction: Direction) -> int:
        """Return a direction's bits."""
        return self.ingress if direction is Direction.INGRESS else self.egress

    def mark(self, direction: Direction, number: int) -> int:
        """Return a number as it stands in the mark."""
        mask = self.mask(direction)
        return number * (mask & -mask)

    def known(self, direction: Direction, number: int) -> str:
        """Return a rule that accepts what carries a number."""
        bits, mark = self.mask(direction), self.mark(direction, number)
        return f"ct mark & {bits:#010x} == {mark:#010x} accept"

    def giving(self, numbers: Mapping[Direction, int]) -> str:
        """Return a statement that gives numbers to a connection."""
        keep, mark = 0xFFFFFFFF, 0
        for direction, number in numbers.items():
            keep &= ~self.mask(direction)
            mark |= self.mark(direction, number)
        return f"ct mark set ct mark & {keep:#010x} | {mark:#010x}"

    def stale(
        self, numbers: Mapping[Direction, Iterable[int]]
    ) -> dict[int, frozenset[int]]:
        """Return numbers in the form of ``conntrack.clear_marks``."""
        return {
            self.mask(direction): frozenset(self.mark(direction, n) for n in some)
            for direction, some in numbers.items()
        }


def numbers_in(chains: Iterable[str]) -> dict[Direction, frozenset[int]]:
    """Return the numbers that a table with these chains gives to connections.

    Others' chains may have names that begin like ours.
    """
    names = frozenset(chains)
    return {
        direction: frozenset(n for n in range(1, 1 << BITS) if f"{prefix}{n}" in names)
        for direction, prefix in OK.items()
    }
