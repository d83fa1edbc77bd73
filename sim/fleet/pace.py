"""How fast one life of a daemon may call OCI, by the answers that it got (I15).

The rate begins at 20 calls a second, rises a little with each answer, and is halved by
a 429 (docs/oci.md#rates-and-latencies); up to ten calls may go at once after a pause.
"""

from collections.abc import Callable

import trio

MOST_PER_SECOND, LEAST_PER_SECOND = 20.0, 0.1
BURST = 10.0
INCREASE = 0.1
ONE_LOSS_SECONDS = 1.0
"""Several 429 within this time halve the rate once."""
SLACK = 10.0
"""So many calls may have got their turn before an answer that lowered the rate."""
THROTTLED = 429


class Pace:
    """Counts the calls of a life against what they may be."""

    def __init__(self, report: Callable[[str, str], None]) -> None:
        self._report = report
        self._per_second = MOST_PER_SECOND
        self._left, self._at = BURST, trio.current_time()
        self._lowered_at = float("-inf")

    def sent(self) -> None:
        """Check I15: a call goes out."""
        self._refill()
        self._left -= 1
        if self._left < -SLACK:
            self._left = 0.0
            rate = f"{self._per_second:.1f} calls a second"
            self._report("I15", f"it calls faster than OCI's answers allow: {rate}")

    def answered(self, status: int) -> None:
        """Note an answer."""
        if status != THROTTLED:
            self._per_second = min(MOST_PER_SECOND, self._per_second + INCREASE)
            return
        now = trio.current_time()
        if now - self._lowered_at < ONE_LOSS_SECONDS:
            return
        self._refill()
        self._lowered_at = now
        self._left = min(self._left, 0.0)
        self._per_second = max(LEAST_PER_SECOND, self._per_second / 2)

    def _refill(self) -> None:
        now = trio.current_time()
        self._left = min(BURST, self._left + (now - self._at) * self._per_second)
        self._at = now
