"""How long to wait before the next try."""

from collections.abc import Iterator
from random import Random


def delays(
    random: Random, *, first_seconds: float = 0.5, most_seconds: float = 30.0
) -> Iterator[float]:
    """Yield delays for ever: exponential with full jitter, capped."""
    ceiling = first_seconds
    while True:
        # Full jitter, but never nothing: a refusal at once is a busy loop.
        yield random.uniform(ceiling / 8, ceiling)
        ceiling = min(most_seconds, ceiling * 2)
