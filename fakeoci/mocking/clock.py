"""The time of a mocked cloud: the caller's own."""

import threading
import time
from collections.abc import Callable

import trio
from trio.testing import MockClock


class Clock:
    """A cloud's time: the caller's own, plus the skipped time.

    It is real time, except for a caller in a trio run with a ``MockClock``: then the
    cloud's time passes as that clock's does.
    """

    def __init__(self, source: Callable[[], float] | None = None) -> None:
        """Begin at the present.

        Args:
            source: another clock to follow, in seconds since the epoch.
        """
        self._lock = threading.Lock()
        self._source = source
        self._skipped = 0.0
        self._now = time.time()
        self._followed, self._reading = _callers_clock()

    def __call__(self) -> float:
        """Return seconds since the epoch."""
        if self._source is not None:
            return self._source() + self._skipped
        with self._lock:
            followed, reading = _callers_clock()
            if followed is self._followed:
                self._now += reading - self._reading
            self._followed, self._reading = followed, reading
            return self._now + self._skipped

    def advance(self, seconds: float) -> None:
        """Let time pass at once."""
        with self._lock:
            self._skipped += seconds


def _callers_clock() -> tuple[MockClock | None, float]:
    """Return the mock clock of the caller's trio run, if it has one, and the time."""
    if trio.lowlevel.in_trio_run():
        clock = trio.lowlevel.current_clock()
        if isinstance(clock, MockClock):
            return clock, clock.current_time()
    return None, time.monotonic()
