"""Follow the NativePodNetwork: which subnets, NSGs and maximum the node uses."""

from typing import Never

import trio

from vcnd.flow.cluster_loop import INTERVAL_SECONDS, ClusterLoop
from vcnd.flow.pool import Pool
from vcnd.log import log
from vcnd.model.errors import CloudError, PodNetworkError
from vcnd.model.place import METADATA, POD_NETWORK
from vcnd.model.podnetwork import PodNetwork
from vcnd.ports import Cloud, Cluster

IDENTIFY_SECONDS = 30.0
"""The instance's name is asked for again after this long."""


class NetworkFollower:
    """Identifies the instance to the cluster, and follows its NativePodNetwork."""

    def __init__(
        self, *, pool: Pool, cloud: Cloud, cluster: Cluster, loop: ClusterLoop
    ) -> None:
        self._pool = pool
        self._cloud = cloud
        self._cluster = cluster
        self._loop = loop
        self._own = pool.demand.network
        self._own_maximum = pool.policy.maximum
        self._identified = False

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Reconcile when the cluster's pod network has changed, and at intervals."""
        task_status.started()
        await self._loop.run(
            "network",
            self._reconcile,
            news=self._cluster.next_network,
            seconds=lambda: INTERVAL_SECONDS if self._identified else IDENTIFY_SECONDS,
        )

    async def _reconcile(self) -> None:
        """Use the pod network of the NativePodNetwork.

        Raises:
            ClusterError: Kubernetes cannot be reached, or refuses the object.
        """
        try:
            # The NativePodNetwork bears the instance's name.
            if await self._identify():
                await self._follow()
        finally:
            self._pool.signals.note_network_asked()

    async def _identify(self) -> bool:
        """Return True once the cluster knows the instance."""
        if self._identified:
            return True
        try:
            with self._pool.tries.at(METADATA):
                instance_id = await self._cloud.instance_id()
        except CloudError as error:
            self._pool.problems.report(METADATA, error.cause, str(error))
            return False
        self._pool.problems.clear(METADATA)
        self._cluster.identify(instance_id)
        self._identified = True
        return True

    async def _follow(self) -> None:
        try:
            network = await self._cluster.network(self._own)
        except PodNetworkError as error:
            # The last valid one stays in use.
            self._pool.problems.report(POD_NETWORK, error.cause, str(error))
            return
        self._pool.problems.clear(POD_NETWORK)
        max_pods = self._cluster.max_pods()
        if max_pods != self._pool.max_pods:
            self._pool.set_max_pods(max_pods)
            self._pool.signals.ring()
        if network is None:
            return  # the one in use stays, and is not settled
        if network != self._pool.demand.network:
            self._use(network)
        elif self._pool.conditions.network_settled:
            return
        self._pool.settle_network()
        self._pool.signals.request_audit()  # existing VNICs may be in other NSGs

    def _use(self, network: PodNetwork) -> None:
        self._pool.demand.follow(network)
        self._pool.set_maximum(network.maximum or self._own_maximum)
        self._pool.signals.ring()
        log.info("network_changed", subnets=network.subnet_ids, nsgs=network.nsg_ids)
