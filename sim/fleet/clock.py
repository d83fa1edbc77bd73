"""The clock of a run: it stands still while a task can run, then jumps."""

from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from itertools import count
from math import inf
from unittest import mock

import trio

FOR_EVER_SECONDS = 1e6


class _Sleeper:
    """A task that sleeps; None once it was cancelled."""

    __slots__ = ("task",)

    def __init__(self, task: trio.lowlevel.Task) -> None:
        self.task: trio.lowlevel.Task | None = task

    def abort(self, _: object) -> trio.lowlevel.Abort:
        """Sleep no more: the task is cancelled."""
        self.task = None
        return trio.lowlevel.Abort.SUCCEEDED


class VirtualClock(trio.abc.Clock):
    """A clock that jumps to the next deadline as soon as all tasks wait.

    trio has one for tests.  It answers several times for each step of a task, and each
    time it asks the real clock too; this one does not.

    It also wakes those that sleep (``asked_directly``): half of all steps of a run are
    ends of sleeps, and trio's cancel scope for each costs as much as the step.

    Nothing outside may wake a task, as threads and files do: this clock does not wait
    for them.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._sleepers: list[tuple[float, int, _Sleeper]] = []
        """A heap; by the time of their end, then in the order of their start."""
        self._numbers = count()

    @contextmanager
    def asked_directly(self) -> Iterator[None]:
        """Let all tasks sleep by this clock, and read it without a way round."""
        with (
            mock.patch.object(trio, "sleep", self.sleep),
            mock.patch.object(trio, "sleep_until", self.sleep_until),
            mock.patch.object(trio, "current_time", self.current_time),
        ):
            yield

    def start_clock(self) -> None:
        """Start at 0."""

    def current_time(self) -> float:
        """Return the virtual time, in seconds."""
        return self._now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Jump to a deadline, or to the end of a sleep before it.

        trio asks only when no task can run.
        """
        sleepers = self._sleepers
        while sleepers and sleepers[0][2].task is None:
            heappop(sleepers)
        if sleepers and sleepers[0][0] < deadline:
            deadline = sleepers[0][0]
        if deadline == inf:
            return FOR_EVER_SECONDS
        self._now = now = max(self._now, deadline)
        while sleepers and sleepers[0][0] <= now:
            task = heappop(sleepers)[2].task
            if task is not None:
                trio.lowlevel.reschedule(task)
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Sleep for a time (``trio.sleep``)."""
        if seconds < 0:
            raise ValueError("a sleep cannot be negative")
        await self.sleep_until(self._now + seconds)

    async def sleep_until(self, deadline: float) -> None:
        """Sleep until a time (``trio.sleep_until``)."""
        if deadline <= self._now:
            await trio.lowlevel.checkpoint()
            return
        sleeper = _Sleeper(trio.lowlevel.current_task())
        heappush(self._sleepers, (deadline, next(self._numbers), sleeper))
        await trio.lowlevel.wait_task_rescheduled(sleeper.abort)
