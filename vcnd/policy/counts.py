"""What the kernel has counted of the policies' rules."""

from collections.abc import Awaitable, Callable, Mapping

import trio

from vcnd.core.policy.drops import Counted
from vcnd.core.policy.tally import Tally


class Counts:
    """Keeps totals, for the log and for metrics."""

    def __init__(
        self, tally: Tally, read: Callable[[], Awaitable[Mapping[Counted, int]]]
    ) -> None:
        """Make it.

        Args:
            tally: the totals; it also hears of counters that go.
            read: returns the kernel's counters.
        """
        self.tally = tally
        self._read = read
        self._read_at = float("-inf")
        self._turn = trio.Lock()

    async def refresh(self, fresh_seconds: float = 0.0) -> None:
        """Read the counters, unless they were read so short a time ago.

        Args:
            fresh_seconds: a table may have a thousand counters; 0: read them now.

        Raises:
            OSError: the kernel refused to list them.
        """
        async with self._turn:
            if trio.current_time() - self._read_at >= fresh_seconds:
                self.tally.take(await self._read())
                self._read_at = trio.current_time()
