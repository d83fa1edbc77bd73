"""What Kubernetes is told of this node, and what it asks of it.

One task: it hears that something has changed, looks at the whole, and writes what
differs from what was written before.  Nothing waits for it: while the API server is
away the node serves on, and what was missed is told afterwards.
"""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Never

import structlog
import trio

from vcnd.core import podnetwork
from vcnd.core.backoff import delays
from vcnd.flow.pool import Pool
from vcnd.flow.waiting import why_empty
from vcnd.flow.warm_pool import WarmPool
from vcnd.model.errors import (
    CloudError,
    PodNetworkError,
    VcndError,
    WishRefusedError,
)
from vcnd.model.podnetwork import NodeReport, Notice, VnicReport
from vcnd.model.sandbox import BoundPod, PodRef
from vcnd.ports import Cloud, Cluster

log = structlog.get_logger()

GATHER_SECONDS = 0.5
"""Changes come in bursts; one look tells them together."""
LOOK_SECONDS = 30.0
LATE_SECONDS = 3.0
"""A pod that has waited so long for an address is told why."""
TOLD_AGAIN_SECONDS = 300.0
PROXY_SECONDS = 3600.0
NO_ADDRESS, ADDRESS, REFUSED, TROUBLE, RELIEF, UNFIT = (
    "NoVCNAddress",
    "VCNAddressAssigned",
    "VCNWishRefused",
    "PodNetworkTrouble",
    "PodNetworkReady",
    "KubeProxyUnfit",
)


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
        self._own = pool.wants.network
        self._own_maximum = pool.policy.maximum
        self._random = random
        self._instance_id = ""
        self._proxy_next = 0.0
        self._late: dict[str, float] = {}
        """Bound pods without an address, and since when."""
        self._told: dict[str, dict[str, float]] = {}
        """What each pod, and the node under no name, was told, and when."""

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Look at each change, and now and then."""
        task_status.started()
        waits = self._new_waits()
        while True:
            try:
                await self._look()
            except VcndError as error:
                pause = next(waits)
                log.warning(
                    "cluster_not_told", reason=str(error), seconds=round(pause, 1)
                )
                await trio.sleep(pause)
                continue
            waits = self._new_waits()
            with trio.move_on_after(self._until_next_look()):
                await self._pool.until_news()
            await trio.sleep(GATHER_SECONDS)

    def _new_waits(self) -> Iterator[float]:
        return delays(self._random, first_seconds=1.0, most_seconds=LOOK_SECONDS)

    def _until_next_look(self) -> float:
        return LATE_SECONDS if self._late else LOOK_SECONDS

    async def _look(self) -> None:
        await self._identify()
        await self._follow_network()
        report = self._report()
        await self._cluster.publish(report)
        await self._tell_node(report)
        await self._tell_pods()
        await self._look_at_proxy()

    async def _identify(self) -> None:
        if self._instance_id:
            return
        try:
            self._instance_id = await self._cloud.instance_id()
        except CloudError as error:
            self._pool.trouble("IMDS", str(error))
            return
        self._pool.relief("IMDS")
        self._cluster.identify(self._instance_id)

    async def _follow_network(self) -> None:
        """Use the subnets, NSGs and maximum that the NativePodNetwork asks for."""
        if not self._instance_id:
            return
        try:
            network = await self._cluster.network(self._own)
        except PodNetworkError as error:
            # The last that made sense stays in use.
            self._pool.trouble("NativePodNetwork", str(error))
            return
        self._pool.relief("NativePodNetwork")
        if network == self._pool.wants.network and self._pool.network_settled:
            return
        self._pool.network_settled = True
        self._pool.doubt()  # VNICs that are there may be in other NSGs
        if network == self._pool.wants.network:
            return
        self._pool.wants.follow(network)
        maximum = network.maximum or self._own_maximum
        policy = self._pool.policy
        self._pool.policy = replace(
            policy, maximum=maximum, minimum=min(policy.minimum, maximum)
        )
        self._warm_pool.try_now()
        log.info("network_changed", subnets=network.subnet_ids, nsgs=network.nsg_ids)

    # Telling

    def _report(self) -> NodeReport:
        pool = self._pool
        on_vnic: dict[str, list[str]] = {}
        for private_ip in pool.ledger.private_ips():
            on_vnic.setdefault(private_ip.vnic_id, []).extend(private_ip.addresses)
        counts = pool.counts(pool.family)
        return podnetwork.report(
            observed=pool.observed,
            vnics=[
                VnicReport(
                    vnic=slot.vnic,
                    addresses=tuple(sorted(on_vnic.get(slot.vnic.id, []))),
                )
                for slot in pool.pod_slots
            ],
            usable=counts.free + counts.leased + counts.cooling,
            trouble=_trouble(pool),
            network=pool.wants.network,
        )

    async def _tell_node(self, report: NodeReport) -> None:
        trouble = _trouble(self._pool)
        if trouble is not None:
            if self._is_news("", trouble):
                await self._cluster.tell(
                    Notice(pod=None, reason=TROUBLE, message=trouble)
                )
        elif self._told.pop("", None) is not None and report.serves:
            said = "pods get addresses again: what was in the way has gone"
            await self._cluster.tell(
                Notice(pod=None, reason=RELIEF, message=said, warning=False)
            )

    async def _tell_pods(self) -> None:
        pool, now = self._pool, trio.current_time()
        unserved = pool.wants.unserved()
        self._late = {uid: self._late.get(uid, now) for uid in unserved}
        for uid in [u for u in self._told if u and u not in unserved]:
            bound = pool.wants.bound.get(uid)
            del self._told[uid]
            if bound is not None:
                await self._tell_served(bound.pod)
        for uid, bound in unserved.items():
            if now - self._late[uid] >= LATE_SECONDS:
                await self._tell_waiting(uid, bound)

    async def _tell_waiting(self, uid: str, bound: BoundPod) -> None:
        pool, reason = self._pool, NO_ADDRESS
        try:
            claim = pool.wants.claim(bound.pod, bound.annotations)
        except WishRefusedError as error:
            reason, why = REFUSED, str(error)
        else:
            if pool.has_free(claim):
                return  # it is the runtime's turn
            why = why_empty(pool, claim)
        if self._is_news(uid, why):
            await self._cluster.tell(Notice(pod=bound.pod, reason=reason, message=why))

    async def _tell_served(self, pod: PodRef) -> None:
        held = {x.pod.uid: x.address for x in self._pool.ledger.leases()}
        if pod.uid not in held:
            return  # gone again, while another was told
        said = f"got {held[pod.uid]} after waiting for an address"
        await self._cluster.tell(
            Notice(pod=pod, reason=ADDRESS, message=said, warning=False)
        )

    async def _look_at_proxy(self) -> None:
        """Warn where kube-proxy would hide pods' addresses; now and then, not often."""
        now = trio.current_time()
        subnets = [slot.vnic.subnet_cidr for slot in self._pool.pod_slots]
        if not subnets or now < self._proxy_next:
            return
        self._proxy_next = now + PROXY_SECONDS
        trouble = await self._cluster.proxy_trouble(subnets)
        if trouble is not None:
            log.warning("kube_proxy_unfit", reason=trouble)
            await self._cluster.tell(Notice(pod=None, reason=UNFIT, message=trouble))

    def _is_news(self, whom: str, said: str) -> bool:
        """Tell whether somebody has not heard this lately; note that he has now.

        What follows the first sentence (counts, request ids) makes no news.
        """
        now = trio.current_time()
        gist = said.partition(" (")[0]
        told = self._told.setdefault(whom, {})
        if now - told.get(gist, -TOLD_AGAIN_SECONDS) < TOLD_AGAIN_SECONDS:
            return False
        told[gist] = now
        return True


def _trouble(pool: Pool) -> str | None:
    if not pool.problems:
        return None
    last = pool.problems[-1]
    return f"{last.what}: {last.reason}"
