"""The Events of this node and its pods: what is wrong, and when it is over.

An Event is posted when a problem appears, again at growing intervals while it
remains, and once when it is over.
"""

from collections.abc import Set as AbstractSet
from typing import Never

import trio

from vcnd.core.reminders import Reminders
from vcnd.flow.broken import BrokenCause, BrokenPod, broken_pods
from vcnd.flow.cluster_loop import INTERVAL_SECONDS, ClusterLoop
from vcnd.flow.pool import Pool
from vcnd.flow.reasons import of_problem, why_broken, why_empty
from vcnd.flow.shortage import find_shortage
from vcnd.model.errors import RequestRefusedError
from vcnd.model.place import KUBE_PROXY, Place
from vcnd.model.report import ClusterEvent
from vcnd.model.sandbox import BoundPod, SandboxKey
from vcnd.ports import Cluster

LATE_SECONDS = 3.0
"""A pod that has waited this long for an address, or has been broken this long, gets
an Event."""
REMIND_SECONDS = 30.0
"""While there is a problem, this often it is asked whether its Event is due again."""

NO_ADDRESS, ADDRESS, REFUSED = "NoVCNAddress", "VCNAddressAssigned", "VCNRequestRefused"
PROBLEM, CLEARED, READY, PROXY = (
    "PodNetworkProblem",
    "PodNetworkProblemCleared",
    "PodNetworkReady",
    "KubeProxyMisconfigured",
)

BROKEN, RESTORED = "PodNetworkBroken", "PodNetworkRestored"

PodKey = tuple[str, str, Place | None]
"""A pod's uid, the Event's reason, and the problem behind it."""


class Events:
    """Decides which Events to post, and posts them; a failed post is tried again."""

    def __init__(self, *, pool: Pool, cluster: Cluster, loop: ClusterLoop) -> None:
        self._pool = pool
        self._cluster = cluster
        self._loop = loop
        self._late: dict[str, float] = {}
        """Bound pods without an address, with the time since when."""
        self._of_node: Reminders[Place] = Reminders()
        self._of_pods: Reminders[PodKey] = Reminders()
        self._broken: dict[SandboxKey, float] = {}
        """Broken pods, with the time since when."""
        self._of_broken: Reminders[tuple[SandboxKey, BrokenCause]] = Reminders()

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Post new Events at each change, and at intervals."""
        task_status.started()
        await self._loop.run("events", self._reconcile, seconds=self._interval)

    def _interval(self) -> float:
        """Return a short interval while a pod waits or is broken."""
        if self._late or self._broken:
            return LATE_SECONDS
        return REMIND_SECONDS if len(self._pool.problems) else INTERVAL_SECONDS

    async def _reconcile(self) -> None:
        """Post new Events; those that could not be posted stay due."""
        await self._node_problems()
        await self._node_cleared()
        await self._waiting_pods()
        await self._broken_pods()

    # The node

    async def _node_problems(self) -> None:
        now, due = trio.current_time(), self._of_node.is_due
        for problem in [p for p in self._pool.problems if due(p.place, now)]:
            unfit = problem.place == KUBE_PROXY
            event = ClusterEvent(
                pod=None,
                reason=PROXY if unfit else PROBLEM,
                message=of_problem(problem),
            )
            await self._cluster.post_event(event)
            self._of_node.mentioned(problem.place, now)

    async def _node_cleared(self) -> None:
        problems = self._pool.problems
        for place in self._of_node.open():
            if problems.at(place) is not None:
                continue
            message, left = f"{place}: the problem is over", len(problems)
            if left:
                message += f"; {left} other problems remain"
            hindered = any(p.place.kind.costs_addresses for p in problems)
            reason = CLEARED if hindered else READY
            event = ClusterEvent(
                pod=None, reason=reason, message=message, warning=False
            )
            await self._cluster.post_event(event)
            self._of_node.close(place)
        self._of_node.prune(trio.current_time())

    # Pods

    async def _waiting_pods(self) -> None:
        now, unserved = trio.current_time(), self._pool.demand.unserved()
        self._late = {uid: self._late.get(uid, now) for uid in unserved}
        await self._served_pods(unserved.keys())
        for uid, bound in unserved.items():
            if now - self._late[uid] >= LATE_SECONDS:
                await self._waiting_pod(uid, bound)

    async def _served_pods(self, unserved: AbstractSet[str]) -> None:
        """Post the good end for pods that got an address; forget gone ones."""
        pool = self._pool
        over = [key for key in self._of_pods.open() if key[0] not in unserved]
        held = {lease.pod.uid: lease.address for lease in pool.ledger.leases()}
        for uid in dict.fromkeys(uid for uid, _, _ in over):
            bound = pool.demand.bound(uid)
            if bound is not None and uid in held:
                message = f"got {held[uid]} after waiting for an address"
                event = ClusterEvent(
                    pod=bound.pod, reason=ADDRESS, message=message, warning=False
                )
                await self._cluster.post_event(event)
            for key in over:
                if key[0] == uid:
                    self._of_pods.forget(key)

    async def _waiting_pod(self, uid: str, bound: BoundPod) -> None:
        pool, now = self._pool, trio.current_time()
        try:
            grant = pool.demand.grant(bound.pod, bound.request)
        except RequestRefusedError as error:
            key: PodKey = (uid, REFUSED, None)
            message = str(error)
        else:
            if pool.has_free_for(grant):
                return  # it is the runtime's turn
            problem = find_shortage(pool, grant).problem
            key = uid, NO_ADDRESS, problem.place if problem else None
            message = why_empty(pool, grant)
        if self._of_pods.is_due(key, now):
            event = ClusterEvent(pod=bound.pod, reason=key[1], message=message)
            await self._cluster.post_event(event)
            self._of_pods.mentioned(key, now)

    # Pods whose network cannot work

    async def _broken_pods(self) -> None:
        now = trio.current_time()
        found = {b.lease.key: b for b in broken_pods(self._pool) if b.lease.pod.name}
        self._broken = {key: self._broken.get(key, now) for key in found}
        for key, broken in found.items():
            if now - self._broken[key] >= LATE_SECONDS:
                await self._broken_pod(key, broken)
        for key, cause in self._of_broken.open():
            if key not in found or found[key].cause is not cause:
                await self._no_longer_broken(key, cause, is_well=key not in found)
        self._of_broken.prune(now)

    async def _broken_pod(self, key: SandboxKey, broken: BrokenPod) -> None:
        now, which = trio.current_time(), (key, broken.cause)
        if self._of_broken.is_due(which, now):
            pod = broken.lease.pod
            event = ClusterEvent(pod=pod, reason=BROKEN, message=why_broken(broken))
            await self._cluster.post_event(event)
            self._of_broken.mentioned(which, now)

    async def _no_longer_broken(
        self, key: SandboxKey, cause: BrokenCause, *, is_well: bool
    ) -> None:
        """Post the good end for a pod that works again; not for one that is gone."""
        lease = self._pool.ledger.lease_of(key)
        if lease is None:
            self._of_broken.forget((key, cause))
            return
        if is_well:
            message = f"the network of {' and '.join(lease.addresses)} works again"
            event = ClusterEvent(
                pod=lease.pod, reason=RESTORED, message=message, warning=False
            )
            await self._cluster.post_event(event)
        self._of_broken.close((key, cause))
