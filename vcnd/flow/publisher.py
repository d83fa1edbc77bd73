"""Writes the status of the node's pod network to Kubernetes."""

from typing import Never

import trio

from vcnd.core.report import report
from vcnd.flow.cluster_loop import ClusterLoop
from vcnd.flow.pool import Pool
from vcnd.flow.reasons import of_problem
from vcnd.flow.shortage import latest_problem
from vcnd.model.report import NodeReport, VnicReport
from vcnd.ports import Cluster


class Publisher:
    """Keeps the status of the NativePodNetwork equal to the pool's state."""

    def __init__(self, *, pool: Pool, cluster: Cluster, loop: ClusterLoop) -> None:
        self._pool = pool
        self._cluster = cluster
        self._loop = loop

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Reconcile at each change, and at intervals."""
        task_status.started()
        # The first status has Kubernetes' pod network, if the API server answers.
        await self._pool.signals.network_asked()
        await self._loop.run("status", self._reconcile)

    async def _reconcile(self) -> None:
        await self._cluster.publish(self._report())

    def _report(self) -> NodeReport:
        pool = self._pool
        on_vnic: dict[str, list[str]] = {}
        for private_ip in pool.ledger.private_ips():
            on_vnic.setdefault(private_ip.vnic_id, []).extend(private_ip.addresses)
        counts, problem = pool.counts(pool.family), latest_problem(pool)
        return report(
            observed=pool.conditions.observed,
            vnics=[
                VnicReport(
                    vnic=slot.vnic,
                    addresses=tuple(sorted(on_vnic.get(slot.vnic.id, []))),
                )
                for slot in pool.vnics.pod_slots
            ],
            usable=counts.free + counts.leased + counts.cooling,
            on_demand=pool.serves_on_demand,
            problem=of_problem(problem) if problem else None,
            network=pool.demand.network,
        )
