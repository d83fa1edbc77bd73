"""Restarts and reports background tasks that fail unexpectedly.

Only for tasks that read their whole input when they start.  A task whose state would be
wrong afterwards (the journal's writer, the kernel's guards) is not supervised: its
failure ends the process, and the next process reads journal and kernel.
"""

from random import Random
from typing import Never, Protocol

import trio

from vcnd.core.backoff import Backoff
from vcnd.flow.pool import Pool
from vcnd.flow.reasons import why_failed
from vcnd.log import log
from vcnd.model.cause import Cause
from vcnd.model.place import Place, PlaceKind

MOST_RETRY_SECONDS = 60.0
HEALTHY_SECONDS = 120.0
"""After this time without a failure a task counts as healthy again."""


class Task(Protocol):
    """Something that runs for ever."""

    async def __call__(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Run."""


class Supervisor:
    """Keeps tasks running."""

    def __init__(self, *, pool: Pool, random: Random) -> None:
        self._pool = pool
        self._random = random

    async def keep(
        self,
        name: str,
        task: Task,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> Never:
        """Run a task, and start it again after each exception.

        Cancellation and KeyboardInterrupt pass through.
        """
        place, status = Place(kind=PlaceKind.TASK, name=name), _Once(task_status)
        backoff = Backoff(
            self._random, first_seconds=1.0, most_seconds=MOST_RETRY_SECONDS
        )
        while True:
            failures: list[BaseException] = []
            began = trio.current_time()
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._relieve, place)
                    await task(task_status=status)
            except* Exception as group:  # also those beside a cancellation
                failures.append(group)
            if trio.current_time() - began > HEALTHY_SECONDS:
                backoff.reset()
            pause = backoff.next_delay()
            reason = ", ".join(map(why_failed, failures)) or "it ended by itself"
            log.error(
                "task_failed",
                task=name,
                seconds=round(pause, 1),
                exc_info=failures[0] if failures else None,
            )
            self._pool.problems.report(
                place,
                Cause.DEFECT,
                f"failed unexpectedly and is restarted: {reason}",
                retry_seconds=pause,
            )
            # Its work may be half done.
            self._pool.signals.request_audit()
            await trio.sleep(pause)

    async def _relieve(self, place: Place) -> None:
        await trio.sleep(HEALTHY_SECONDS)
        self._pool.problems.clear(place)


class _Once(trio.TaskStatus[None]):
    """Reports a task's start, only the first time."""

    def __init__(self, task_status: trio.TaskStatus[None]) -> None:
        self._task_status = task_status
        self._told = False

    def started(self, value: None = None) -> None:
        if not self._told:
            self._told = True
            self._task_status.started(value)
