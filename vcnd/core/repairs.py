"""What was repaired since the start: how often, and what lately.  Pure."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence

import msgspec

from vcnd.model.drift import DriftKind

MOST_KEPT = 20


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """Differences of one kind that were repaired at once."""

    kind: DriftKind
    number: int
    what: str
    """The first of them, in words."""
    by: str = ""
    """The process that had changed them; empty if nobody tells."""
    at: float
    """When, by the clock of the event loop."""


class Repairs:
    """Owns the counts of repairs, and the latest of them."""

    def __init__(self) -> None:
        self._counts = Counter[DriftKind]()
        self._latest = deque[Repair](maxlen=MOST_KEPT)

    def note(self, repair: Repair) -> None:
        """Count a repair and remember it."""
        self._counts[repair.kind] += repair.number
        self._latest.append(repair)

    def counts(self) -> Mapping[DriftKind, int]:
        """Return the count of each kind; kinds without repairs are 0."""
        return {kind: self._counts[kind] for kind in DriftKind}

    def latest(self) -> Sequence[Repair]:
        """Return the latest repairs, the latest last."""
        return list(self._latest)
