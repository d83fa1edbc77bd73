"""Many calls at one time: what they wake wakes at once, which costs less."""

from collections.abc import Callable
from heapq import heappop, heappush
from math import ceil, inf
from typing import Never

import trio

SECONDS = 5.0
"""Calls that are due within this come together."""


class Ticks:
    """Calls functions at times."""

    def __init__(self) -> None:
        self._calls: dict[float, list[Callable[[], None]]] = {}
        self._times: list[float] = []
        self._earlier = trio.Event()
        self._runs = False

    def call_at(self, when: float, call: Callable[[], None]) -> None:
        """Call a function soon after a time of trio's clock."""
        time = ceil(when / SECONDS) * SECONDS
        if time not in self._calls:
            self._calls[time] = []
            heappush(self._times, time)
            self._earlier.set()
        self._calls[time].append(call)
        if not self._runs:
            self._runs = True
            trio.lowlevel.spawn_system_task(self._run)

    async def _run(self) -> Never:
        while True:
            self._earlier = trio.Event()
            with trio.move_on_at(self._times[0] if self._times else inf):
                await self._earlier.wait()
            now = trio.current_time()
            while self._times and self._times[0] <= now:
                for call in self._calls.pop(heappop(self._times)):
                    call()
