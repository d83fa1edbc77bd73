"""What the process did since its start, in numbers."""

from collections.abc import Iterator
from contextlib import contextmanager

from vcnd.core.histogram import Histogram

ENDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of buckets, in seconds."""


class Meter:
    """Counts; it costs next to nothing where nobody reads it."""

    def __init__(self) -> None:
        self.refusals = 0
        """How often the kernel refused rules."""
        self.restored = 0
        """How often rules were put again that another program had changed."""
        self.admits: dict[str, int] = {"ok": 0, "hung_up": 0}
        """ADDs that asked for a pod's rules, by how it ended."""
        self.apply = Histogram(ENDS)
        """Seconds from when a change of rules was seen until it was in force."""

    @contextmanager
    def admitting(self) -> Iterator[None]:
        """Count an ADD that asks for its pod's rules: was it answered?"""
        result = "hung_up"
        try:
            yield
            result = "ok"
        finally:
            self.admits[result] += 1
