"""What Kubernetes is told of this node, and what it asks of it.

One task: it hears that something has changed, looks at the whole, and writes what
differs from what was written before.  Nothing waits for it: while the API server is
away the node serves on, and what was missed is told afterwards.
"""

from random import Random
from typing import Never

import structlog
import trio

from vcnd.core.backoff import Backoff
from vcnd.core.report import report
from vcnd.flow.events import LATE_SECONDS, Events
from vcnd.flow.pool import Pool
from vcnd.flow.reasons import of_problem
from vcnd.flow.shortage import latest_problem
from vcnd.flow.warm_pool import WarmPool
from vcnd.model.errors import CloudError, ClusterError, PodNetworkError, VcndError
from vcnd.model.place import CLUSTER_WRITES, KUBE_PROXY, METADATA, POD_NETWORK
from vcnd.model.report import NodeReport, VnicReport
from vcnd.ports import Cloud, Cluster

log = structlog.get_logger()

GATHER_SECONDS = 0.5
"""Changes come in bursts; one look tells them together."""
LOOK_SECONDS = 30.0
PROXY_SECONDS = 3600.0


class Publisher:
    """Tells Kubernetes how the pool stands, and the pool what Kubernetes asks."""

    def __init__(
        self,
        *,
        pool: Pool,
        cloud: Cloud,
        cluster: Cluster,
        warm_pool: WarmPool,
        random: Random,
    ) -> None:
        self._pool = pool
        self._cloud = cloud
        self._cluster = cluster
        self._warm_pool = warm_pool
        self._own = pool.demand.network
        self._own_maximum = pool.policy.maximum
        self._random = random
        self._instance_id = ""
        self._proxy_next = 0.0
        self._events = Events(pool=pool, cluster=cluster)

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Look at each change, and now and then."""
        task_status.started()
        backoff = Backoff(self._random, first_seconds=1.0, most_seconds=LOOK_SECONDS)
        while True:
            try:
                await self._reconcile()
            except VcndError as error:
                self._pool.problems.report(CLUSTER_WRITES, error.cause, str(error))
                pause = backoff.next_delay()
                log.warning(
                    "cluster_write_failed", reason=str(error), seconds=round(pause, 1)
                )
                await trio.sleep(pause)
                continue
            self._pool.problems.clear(CLUSTER_WRITES)
            backoff.reset()
            with trio.move_on_after(self._until_next_look()):
                await self._pool.signals.news()
            await trio.sleep(GATHER_SECONDS)

    def _until_next_look(self) -> float:
        return LATE_SECONDS if self._events.somebody_waits else LOOK_SECONDS

    async def _reconcile(self) -> None:
        """Do each step, though one before it was refused; then raise its error."""
        await self._identify()
        steps = (
            self._follow_network,
            self._publish,
            self._look_at_proxy,
            self._events.post,
        )
        refusals: list[ClusterError] = []
        for step in steps:
            try:
                await step()
            except ClusterError as error:
                refusals.append(error)
        if refusals:
            raise refusals[0]

    async def _publish(self) -> None:
        await self._cluster.publish(self._report())

    async def _identify(self) -> None:
        if self._instance_id:
            return
        try:
            self._instance_id = await self._cloud.instance_id()
        except CloudError as error:
            self._pool.problems.report(METADATA, error.cause, str(error))
            return
        self._pool.problems.clear(METADATA)
        self._cluster.identify(self._instance_id)

    async def _follow_network(self) -> None:
        """Use the subnets, NSGs and maximum that the NativePodNetwork asks for."""
        if not self._instance_id:
            return
        try:
            network = await self._cluster.network(self._own)
        except PodNetworkError as error:
            # The last that made sense stays in use.
            self._pool.problems.report(POD_NETWORK, error.cause, str(error))
            return
        self._pool.problems.clear(POD_NETWORK)
        if (
            network == self._pool.demand.network
            and self._pool.conditions.network_settled
        ):
            return
        self._pool.conditions.settle_network()
        self._pool.signals.request_audit()  # VNICs that are there may be in other NSGs
        if network == self._pool.demand.network:
            return
        self._pool.demand.follow(network)
        self._pool.set_maximum(network.maximum or self._own_maximum)
        self._warm_pool.try_now()
        log.info("network_changed", subnets=network.subnet_ids, nsgs=network.nsg_ids)

    # Telling

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
            problem=of_problem(problem) if problem else None,
            network=pool.demand.network,
        )

    async def _look_at_proxy(self) -> None:
        """Look each hour whether kube-proxy would hide pods' addresses."""
        now = trio.current_time()
        subnets = [slot.vnic.subnet_cidr for slot in self._pool.vnics.pod_slots]
        if not subnets or now < self._proxy_next:
            return
        problem = await self._cluster.proxy_problem(subnets)
        self._proxy_next = now + PROXY_SECONDS
        if problem is None:
            self._pool.problems.clear(KUBE_PROXY)
        else:
            self._pool.problems.report(KUBE_PROXY, problem.cause, problem.reason)
