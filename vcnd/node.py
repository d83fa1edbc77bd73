"""The node: every flow of one node's daemon, wired over given ports."""

from collections.abc import Callable
from functools import partial
from random import Random

import trio

from vcnd.config import Config
from vcnd.core.call_history import CallHistory
from vcnd.flow import status
from vcnd.flow.admission import Admitter
from vcnd.flow.attach import Attacher
from vcnd.flow.audit import Auditor
from vcnd.flow.changes import Changes
from vcnd.flow.cloud_audit import CloudAudit
from vcnd.flow.cluster_loop import ClusterLoop
from vcnd.flow.drain import Drain
from vcnd.flow.early import EarlyAddresses
from vcnd.flow.events import Events
from vcnd.flow.explain import Explainer
from vcnd.flow.follower import Follower
from vcnd.flow.grants import Grants
from vcnd.flow.kernel_audit import KernelAudit
from vcnd.flow.leases import Leases
from vcnd.flow.links import Links
from vcnd.flow.locks import SandboxLocks
from vcnd.flow.max_pods import MaxPods
from vcnd.flow.network import NetworkFollower
from vcnd.flow.node_problems import NodeProblems
from vcnd.flow.pool import Pool
from vcnd.flow.pressure import PressureWatch
from vcnd.flow.proxy import ProxyCheck
from vcnd.flow.publisher import Publisher
from vcnd.flow.release import Release
from vcnd.flow.repair import Repairer
from vcnd.flow.returns import Returns
from vcnd.flow.services import ServiceNetworks
from vcnd.flow.supervise import Supervisor, Task
from vcnd.flow.warm_pool import WarmPool
from vcnd.log import log
from vcnd.model.errors import VcndError
from vcnd.model.place import KERNEL
from vcnd.model.records import RecoveredState
from vcnd.model.status import BudgetStatus, ExpressStatus, NodeStatus
from vcnd.ports import Cloud, Cluster, Host, Journal, KeptPods, Policies


class Node:
    """The flows of one node's daemon, over given ports.

    Attributes:
        pool: the node's state.
        attacher: CNI ADD, DEL and CHECK.
        auditor: ``vcndctl audit``.
        explainer: ``vcndctl explain``.
        calls: how the pods' latest calls ended.
        kernel_audit: CNI GC, and the comparison with the kernel.
        release: releases everything.
    """

    def __init__(
        self,
        config: Config,
        *,
        cloud: Cloud,
        host: Host,
        journal: Journal,
        random: Random,
        cluster: Cluster | None = None,
        policies: Policies | None = None,
        kept_pods: KeptPods | None = None,
        budget: Callable[[], BudgetStatus] | None = None,
    ) -> None:
        self.pool = Pool(
            config.pool_policy(),
            config.network(),
            config.limits(),
            config.namespace_policies(),
        )
        locks = SandboxLocks()
        leases = Leases(pool=self.pool, host=host, journal=journal)
        self._host = host
        self._budget = budget
        self._has_policies = policies is not None
        self._began = 0.0
        self._links = Links(pool=self.pool, host=host)
        self.kernel_audit = KernelAudit(
            pool=self.pool,
            host=host,
            journal=journal,
            leases=leases,
            locks=locks,
            kept_pods=kept_pods,
        )
        self._changes = Changes(
            pool=self.pool,
            cloud=cloud,
            host=host,
            journal=journal,
            kernel=self.kernel_audit,
            links=self._links,
        )
        self._returns = Returns(
            pool=self.pool,
            cloud=cloud,
            journal=journal,
            changes=self._changes,
        )
        self._warm_pool = WarmPool(
            pool=self.pool,
            changes=self._changes,
            returns=self._returns,
            resync_seconds=config.pool.resync_seconds,
            random=random,
        )
        cloud_audit = CloudAudit(
            pool=self.pool,
            cloud=cloud,
            journal=journal,
            kernel=self.kernel_audit,
            changes=self._changes,
            returns=self._returns,
        )
        self._repairer = Repairer(
            pool=self.pool,
            host=host,
            kernel=self.kernel_audit,
            cloud_audit=cloud_audit,
            audit_seconds=config.pool.audit_seconds,
            random=random,
        )
        self.auditor = Auditor(
            pool=self.pool,
            host=host,
            kernel=self.kernel_audit,
            cloud_audit=cloud_audit,
            repairer=self._repairer,
        )
        self.calls = CallHistory()
        self.explainer = Explainer(
            pool=self.pool,
            differences=host.differences,
            calls=self.calls,
            policies=policies is not None,
        )
        self.attacher = Attacher(
            pool=self.pool,
            host=host,
            journal=journal,
            leases=leases,
            locks=locks,
            grants=Grants(pool=self.pool, cluster=cluster),
            admitter=Admitter(pool=self.pool, policies=policies),
            patience_seconds=config.cni.patience_seconds,
        )
        self._pressure = PressureWatch(
            pool=self.pool,
            cloud=cloud,
            seconds=config.pool.audit_seconds,
            random=random,
        )
        self.release = Release(
            pool=self.pool,
            host=host,
            journal=journal,
            warm_pool=self._warm_pool,
            cloud_audit=cloud_audit,
            changes=self._changes,
            returns=self._returns,
        )
        self.drain = Drain(pool=self.pool, journal=journal)
        self._journal = journal
        self._supervisor = Supervisor(pool=self.pool, random=random)
        if cluster is None:
            self.pool.settle_network()
            self._cluster_tasks: dict[str, Task] = {}
        else:
            self._cluster_tasks = _cluster_tasks(
                self.pool, cloud, cluster, host, random, early=config.tells_early
            )

    async def report(self) -> NodeStatus:
        """Return the node's state."""
        others = status.Surroundings(
            lane=await self._host.express(),
            budget=None if self._budget is None else self._budget(),
            repaired=self.auditor.past(),
            began=self._began,
            policies=self._has_policies,
        )
        return status.report(self.pool, others)

    async def switch_express(self, *, on: bool) -> ExpressStatus:
        """Switch the express lane on or off; return its state then."""
        await self._host.switch_express(on=on)
        return status.express(await self._host.express())

    async def start(self, rooms: trio.Nursery) -> None:
        """Recover the state of an earlier life, then start the tasks."""
        self._began = trio.current_time()
        recovered = self._journal.open()
        await rooms.start(partial(self._journal.run, self.pool.conditions.note_disk))
        self.pool.restore(recovered)
        self.drain.resume(draining=recovered.draining)
        self._remember(recovered)
        self._changes.resume(recovered.unsettled_attach)
        await self.kernel_audit.restore(recovered)
        self._returns.resume(recovered)
        await rooms.start(self._host.run)
        # With the journal's state the node serves at once, even without the cloud.
        try:
            await self._changes.apply()
            await self.kernel_audit.audit()
        except VcndError as error:
            # The first audit tries again.  Ending would help nobody: DEL and STATUS
            # are answered, and vcndctl shows the problem.
            self.pool.problems.report(KERNEL, error.cause, str(error))
        keep = self._supervisor.keep
        await rooms.start(keep, "links", self._links.run)
        problems = NodeProblems(pool=self.pool, host=self._host)
        await rooms.start(keep, "node problems", problems.run)
        await rooms.start(keep, "warm pool", self._warm_pool.run)
        await rooms.start(keep, "audit", self._repairer.run)
        if self.pool.policy.lean_at:
            await rooms.start(keep, "subnet pressure", self._pressure.run)
        for name, task in self._cluster_tasks.items():
            await rooms.start(keep, name, task)
        log.info(
            "started", leases=len(recovered.leases), vnics=len(self.pool.vnics.slots)
        )

    def _remember(self, recovered: RecoveredState) -> None:
        """Note the leases that ended in an earlier life of the daemon."""
        now = trio.current_time()
        oldest_first = sorted(recovered.ended, key=lambda x: -x[1])
        for lease, seconds_ago in oldest_first:
            self.calls.note(
                str(lease.pod),
                command="DEL",
                sandbox=str(lease.key),
                at=now - seconds_ago,
                reason="from the journal",
            )


def _cluster_tasks(
    pool: Pool,
    cloud: Cloud,
    cluster: Cluster,
    host: Host,
    random: Random,
    *,
    early: bool,
) -> dict[str, Task]:
    """Return the tasks of a node in a cluster, by name."""
    loop = ClusterLoop(pool=pool, random=random)
    network = NetworkFollower(pool=pool, cloud=cloud, cluster=cluster, loop=loop)
    early_addresses = EarlyAddresses(pool=pool, cluster=cluster, loop=loop)
    return {
        "cluster": cluster.run,
        "follower": Follower(pool=pool, cluster=cluster, early=early).run,
        **({"early addresses": early_addresses.run} if early else {}),
        "cluster news": loop.gather,
        "network": network.run,
        "publisher": Publisher(pool=pool, cluster=cluster, loop=loop).run,
        "kube-proxy": ProxyCheck(pool=pool, cluster=cluster, loop=loop).run,
        "max-pods": MaxPods(pool=pool, loop=loop).run,
        "services": ServiceNetworks(host=host, cluster=cluster, loop=loop).run,
        "events": Events(pool=pool, cluster=cluster, loop=loop).run,
    }
