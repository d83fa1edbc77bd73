"""Checks whether the shape holds an address for each pod that kubelet takes."""

from typing import Never

import trio

from vcnd.flow.cluster_loop import ClusterLoop
from vcnd.flow.pool import Pool
from vcnd.model.cause import Cause
from vcnd.model.place import MAX_PODS


class MaxPods:
    """Keeps the problem of a shape that is too small for kubelet up to date."""

    def __init__(self, *, pool: Pool, loop: ClusterLoop) -> None:
        self._pool = pool
        self._loop = loop

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Check at each change of the node's state."""
        task_status.started()
        await self._loop.run("max-pods", self._reconcile)

    async def _reconcile(self) -> None:
        pool = self._pool
        # Before the first audit the shape is not known.
        families = pool.demand.network.families if pool.vnics.limit else ()
        most = {family: pool.most_addresses(family) for family in families}
        family = min(most, key=lambda f: most[f], default=None)
        if family is None or most[family] >= (pool.max_pods or 0):
            pool.problems.clear(MAX_PODS)
            return
        pool.problems.report(
            MAX_PODS,
            Cause.UNFIT,
            f"kubelet takes {pool.max_pods} pods, and the {pool.vnics.limit} VNICs of"
            f" this shape hold {most[family]} {family} addresses for pods: further pods"
            " get none. Lower maxPods of kubelet, or take a shape with more VNICs",
        )
