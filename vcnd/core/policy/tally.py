"""Totals of what the rules' counters count.

Counters come and go with chains, and may be lost with their table; totals only grow.
"""

from collections.abc import Mapping

import msgspec

from vcnd.core.policy.drops import Counted, Why
from vcnd.model.policy import Direction

MOST_NAMESPACES = 100
"""So many have totals of their own: they are kept as long as the process lives."""
OTHERS = "_others"
"""Stands for all further namespaces; none can have this name."""


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """What is totalled."""

    direction: Direction
    namespace: str
    """Empty: of pods that are not known, or may be of several namespaces."""
    why: Why | None
    """None: new connections that were accepted; else packets that were dropped."""


class Tally:
    """Adds up what counters have counted since it was made, and before."""

    def __init__(self) -> None:
        self.totals: dict[Total, int] = {}
        self._seen: dict[Counted, int] = {}
        self._namespaces: set[str] = set()

    @property
    def dropped(self) -> int:
        """Return how many packets were dropped in all."""
        return sum(n for total, n in self.totals.items() if total.why is not None)

    def take(self, counts: Mapping[Counted, int]) -> None:
        """Take the values of all counters.

        One that is lower than before began anew, with its table.
        """
        for counted, count in counts.items():
            self._add(counted, count)
        self._seen = dict(counts)

    def end(self, counts: Mapping[Counted, int]) -> None:
        """Take the last values of counters that are gone."""
        for counted, count in counts.items():
            self._add(counted, count)
            self._seen.pop(counted, None)

    def _add(self, counted: Counted, count: int) -> None:
        before = self._seen.get(counted, 0)
        total = Total(
            direction=counted.direction,
            namespace=self._namespace(counted.namespace),
            why=counted.why,
        )
        more = count - before if count >= before else count
        self.totals[total] = self.totals.get(total, 0) + more

    def _namespace(self, name: str) -> str:
        if name and name not in self._namespaces:
            if len(self._namespaces) >= MOST_NAMESPACES:
                return OTHERS
            self._namespaces.add(name)
        return name
