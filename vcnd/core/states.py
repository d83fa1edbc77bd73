"""The words for where addresses stand in the ledger."""

from dataclasses import dataclass
from enum import StrEnum


class Withheld(StrEnum):
    """Why the addresses of an object are given to nobody."""

    ADDING = "adding"
    """It is not durably known yet."""
    DELETING = "deleting"
    """The cloud is asked, or was asked, to take it back."""
    DOUBTED = "doubted"
    """The cloud's list lacks it; no second witness has said that it is gone."""


class IllegalMoveError(Exception):
    """The ledger was asked for a move that its rules do not know."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many addresses stand where; those being added count as doubted."""

    free: int
    leased: int
    cooling: int
    deleting: int
    doubted: int = 0

    @property
    def total(self) -> int:
        """Return how many addresses the cloud gives us, whatever their state."""
        held = self.free + self.leased + self.cooling
        return held + self.deleting + self.doubted
