"""How long to wait before the next try."""

from random import Random


class Backoff:
    """Delays that grow with each failure: exponential with full jitter, capped."""

    def __init__(
        self,
        random: Random,
        *,
        first_seconds: float = 0.5,
        most_seconds: float = 30.0,
    ) -> None:
        self._random = random
        self._first = first_seconds
        self._most = most_seconds
        self._ceiling = first_seconds

    def next_delay(self) -> float:
        """Return how many seconds to wait before the next try."""
        # Full jitter with a least delay: without it, instant refusals make a busy loop.
        delay = self._random.uniform(self._ceiling / 8, self._ceiling)
        self._ceiling = min(self._most, self._ceiling * 2)
        return delay

    def reset(self) -> None:
        """Start again with the first delay: a try has succeeded."""
        self._ceiling = self._first
