"""Limits the rate of API calls; the most urgent call goes first.

OCI publishes no rates and sends no Retry-After (docs/oci.md#rates-and-latencies).
So the rate is found: each answer raises it a little, each 429 halves it (additive
increase, multiplicative decrease, as TCP does).
"""

from bisect import insort
from itertools import count

import trio

from vcnd.log import log
from vcnd.model.urgency import Urgency

MOST_PER_SECOND = 20.0
LEAST_PER_SECOND = 0.1
BURST = 10.0
"""Calls that may go at once after a pause."""
INCREASE = 0.1
"""Increase of the rate for each answer, in calls per second."""
SHORTEST_SECONDS = 0.001
ONE_LOSS_SECONDS = 1.0
"""Refusals within this time count as one: their calls went at the same rate."""


class Limiter:
    """A token bucket whose rate follows the API's answers."""

    def __init__(self) -> None:
        self.per_second = MOST_PER_SECOND
        self._tokens = BURST
        self._at = 0.0
        self._slowed_at = float("-inf")
        self._line: list[tuple[Urgency, int]] = []
        self._order = count()
        self._moved = trio.Event()

    @property
    def queued(self) -> int:
        """Return how many calls wait."""
        return len(self._line)

    async def acquire(self, urgency: Urgency) -> None:
        """Wait until a call of such urgency may go."""
        me = (urgency, next(self._order))
        insort(self._line, me)
        try:
            while True:
                pause = self._until_token() if self._line[0] == me else float("inf")
                if pause <= 0:
                    self._tokens -= 1
                    return
                with trio.move_on_after(pause):
                    await self._moved.wait()
        finally:
            self._line.remove(me)
            self._wake()

    def _until_token(self) -> float:
        now = trio.current_time()
        gained = (now - self._at) * self.per_second
        self._tokens = min(BURST, self._tokens + gained)
        self._at = now
        lacking = (1 - self._tokens) / self.per_second
        # Time is a float: a wait too short to change it would never end.
        return max(SHORTEST_SECONDS, lacking) if lacking > 0 else 0.0

    def _wake(self) -> None:
        self._moved.set()
        self._moved = trio.Event()

    def answered(self) -> None:
        """Note a call that was not throttled."""
        self.per_second = min(MOST_PER_SECOND, self.per_second + INCREASE)

    def refused(self) -> None:
        """Note a 429."""
        now = trio.current_time()
        if now - self._slowed_at < ONE_LOSS_SECONDS:
            return
        self._slowed_at = now
        self._until_token()
        self._tokens = min(self._tokens, 0.0)
        self.per_second = max(LEAST_PER_SECOND, self.per_second / 2)
        log.info("api_rate_lowered", calls_per_second=round(self.per_second, 2))
