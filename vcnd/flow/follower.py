"""Demand before ADD: the pods that Kubernetes has bound here, told to the pool."""

from typing import Never

import trio

from vcnd.flow.pool import Pool
from vcnd.ports import Cluster

GATHER_SECONDS = 0.05
"""A burst of pods is bound one by one; one look at the pool hears them together."""


class Follower:
    """Keeps the pool's list of bound pods."""

    def __init__(self, *, pool: Pool, cluster: Cluster) -> None:
        self._pool = pool
        self._cluster = cluster

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Follow the cluster."""
        task_status.started()
        while True:
            await self._cluster.until_changed()
            await trio.sleep(GATHER_SECONDS)
            pods = self._cluster.pods()
            if pods is not None:
                self._pool.wants.bind(pods)
            self._pool.ring()
