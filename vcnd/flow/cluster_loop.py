"""The loop of each task that writes to Kubernetes: wait for news, reconcile.

Nothing waits for these tasks: while the API server is away the node goes on serving,
and missed writes follow afterwards.

Changes come in bursts.  One task gathers them for all others, and each of the others
is woken only by news that concern it: a quiet node sleeps.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import Never

import trio

from vcnd.core.backoff import Backoff
from vcnd.flow.pool import Pool
from vcnd.flow.retry import until_done
from vcnd.log import log
from vcnd.model.errors import VcndError
from vcnd.model.place import CLUSTER_WRITES
from vcnd.signals import Bell

GATHER_SECONDS = 0.5
"""Changes come in bursts; they are gathered for this long."""
INTERVAL_SECONDS = 300.0
"""A task reconciles at this interval without news: no news are lost, so this only
heals what a defect left behind."""
MOST_RETRY_SECONDS = 30.0
"""The longest pause of a retry."""


class ClusterLoop:
    """Runs these tasks, and owns the problem that Kubernetes refuses their writes."""

    def __init__(self, *, pool: Pool, random: Random) -> None:
        self._pool = pool
        self._random = random
        self._gathered = Bell()
        self._refusals: dict[str, tuple[VcndError, float]] = {}
        """Why Kubernetes refused a task's last write, and when it is tried again, by
        the task's name."""

    def next_news(self) -> trio.Event:
        """Return the event of the next gathered news.  Take it before you read."""
        return self._gathered.take()

    async def gather(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Gather the news of the node's state for all tasks."""
        task_status.started()
        while True:
            # Before the first wait too: an earlier run may have ended while it
            # gathered.
            news = self._pool.signals.next_news()
            self._gathered.ring()
            await news.wait()
            await trio.sleep(GATHER_SECONDS)

    async def run(
        self,
        task: str,
        reconcile: Callable[[], Awaitable[None]],
        *,
        news: Callable[[], trio.Event] | None = None,
        gather_seconds: float = 0.0,
        seconds: Callable[[], float] = lambda: INTERVAL_SECONDS,
    ) -> Never:
        """Reconcile at once, at news, and at intervals.

        Args:
            task: the task's name; a refusal of one does not hold up the others.
            reconcile: reads the whole state and writes the differences; raises
                ``ClusterError`` if Kubernetes refuses.
            news: returns the event of the next news that concern the task; by default
                of any gathered change of the node's state.
            gather_seconds: how long the task itself gathers news.
            seconds: returns how long to wait for news.
        """
        next_news = news or self.next_news
        backoff = Backoff(
            self._random, first_seconds=1.0, most_seconds=MOST_RETRY_SECONDS
        )
        while True:
            heard = next_news()
            await until_done(
                reconcile, backoff=backoff, failed=partial(self._refused, task)
            )
            self._accepted(task)
            with trio.move_on_after(seconds()):
                await heard.wait()
                if gather_seconds:
                    await trio.sleep(gather_seconds)

    def _refused(self, task: str, error: VcndError, pause: float) -> None:
        self._refusals[task] = error, trio.current_time() + pause
        self._report()
        log.warning(
            "cluster_write_failed",
            task=task,
            reason=str(error),
            seconds=round(pause, 1),
        )

    def _accepted(self, task: str) -> None:
        if self._refusals.pop(task, None) is not None:
            self._report()

    def _report(self) -> None:
        """Report the refusal that began first; clear the problem when none is left."""
        for error, retry_at in self._refusals.values():
            pause = max(0.0, retry_at - trio.current_time())
            self._pool.problems.report(
                CLUSTER_WRITES, error.cause, str(error), retry_seconds=pause
            )
            return
        self._pool.problems.clear(CLUSTER_WRITES)
