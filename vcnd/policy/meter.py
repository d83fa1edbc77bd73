"""What the process did since its start, in numbers."""

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends, in seconds."""


class Meter:
    """Counts; it costs next to nothing where nobody reads it."""

    def __init__(self) -> None:
        self.refusals = 0
        """How often the kernel refused rules."""
        self.restored = 0
        """How often rules were put again that another program had changed."""
        self.admits: dict[str, int] = {"ok": 0, "hung_up": 0}
        """ADDs that asked for a pod's rules, by how it ended."""
        self.apply_seconds = 0.0
        """Of all changes together."""
        self._buckets = [0] * (len(BUCKETS) + 1)

    @contextmanager
    def admitting(self) -> Iterator[None]:
        """Count an ADD that asks for its pod's rules: was it answered?"""
        result = "hung_up"
        try:
            yield
            result = "ok"
        finally:
            self.admits[result] += 1

    def applied(self, seconds: float) -> None:
        """Note a change of rules.

        Args:
            seconds: from when it was seen until it was in force.
        """
        self._buckets[bisect_left(BUCKETS, seconds)] += 1
        self.apply_seconds += seconds

    def cumulative(self) -> list[tuple[str, float]]:
        """Return for each bucket's upper end how many changes took no longer."""
        ends = [*map(str, BUCKETS), "+Inf"]
        return list(zip(ends, map(float, accumulate(self._buckets)), strict=True))
