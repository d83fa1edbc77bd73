"""The loop of each task that writes to Kubernetes: wait for news, reconcile.

Nothing waits for these tasks: while the API server is away the node goes on serving,
and missed writes follow afterwards.
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

GATHER_SECONDS = 0.5
"""Changes come in bursts; they are gathered for this long."""
INTERVAL_SECONDS = 30.0
"""A task reconciles at this interval without news; the longest pause of a retry."""


class ClusterLoop:
    """Runs these tasks, and owns the problem that Kubernetes refuses their writes."""

    def __init__(self, *, pool: Pool, random: Random) -> None:
        self._pool = pool
        self._random = random
        self._refusals: dict[str, VcndError] = {}
        """Why Kubernetes refused a task's last write, by the task's name."""

    async def run(
        self,
        task: str,
        reconcile: Callable[[], Awaitable[None]],
        *,
        seconds: Callable[[], float] = lambda: INTERVAL_SECONDS,
        gather_seconds: float = GATHER_SECONDS,
    ) -> Never:
        """Reconcile at once, at each change of the node's state, and at intervals.

        Args:
            task: the task's name; a refusal of one does not hold up the others.
            reconcile: reads the whole state and writes the differences; raises
                ``ClusterError`` if Kubernetes refuses.
            seconds: returns how long to wait for news.
            gather_seconds: how long news are gathered.
        """
        backoff = Backoff(
            self._random, first_seconds=1.0, most_seconds=INTERVAL_SECONDS
        )
        while True:
            news = self._pool.signals.next_news()
            await until_done(
                reconcile, backoff=backoff, failed=partial(self._refused, task)
            )
            self._accepted(task)
            with trio.move_on_after(seconds()):
                await news.wait()
            await trio.sleep(gather_seconds)

    def _refused(self, task: str, error: VcndError, pause: float) -> None:
        self._refusals[task] = error
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
        for error in self._refusals.values():
            self._pool.problems.report(CLUSTER_WRITES, error.cause, str(error))
            return
        self._pool.problems.clear(CLUSTER_WRITES)
