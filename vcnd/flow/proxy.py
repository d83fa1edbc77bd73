"""Checks whether kube-proxy would hide pods' addresses."""

from typing import Never

import trio

from vcnd.flow.cluster_loop import ClusterLoop
from vcnd.flow.pool import Pool
from vcnd.model.place import KUBE_PROXY
from vcnd.ports import Cluster

PROXY_SECONDS = 3600.0
"""Interval of the check: changes of kube-proxy's configuration are not watched."""


class ProxyCheck:
    """Keeps the problem of kube-proxy up to date."""

    def __init__(self, *, pool: Pool, cluster: Cluster, loop: ClusterLoop) -> None:
        self._pool = pool
        self._cluster = cluster
        self._loop = loop
        self._next = 0.0

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Check as soon as there is a pod VNIC, then each hour."""
        task_status.started()
        await self._loop.run(
            "kube-proxy", self._reconcile, news=self._news, seconds=self._seconds
        )

    def _news(self) -> trio.Event:
        """Return the event of the next news; one that never comes after a check."""
        due = trio.current_time() >= self._next
        return self._loop.next_news() if due else trio.Event()

    def _seconds(self) -> float:
        left = self._next - trio.current_time()
        return left if left > 0.0 else PROXY_SECONDS

    async def _reconcile(self) -> None:
        now = trio.current_time()
        subnets = [slot.vnic.subnet_cidr for slot in self._pool.vnics.pod_slots]
        if not subnets or now < self._next:
            return
        problem = await self._cluster.proxy_problem(subnets)
        self._next = now + PROXY_SECONDS
        if problem is None:
            self._pool.problems.clear(KUBE_PROXY)
        else:
            self._pool.problems.report(KUBE_PROXY, problem.cause, problem.reason)
