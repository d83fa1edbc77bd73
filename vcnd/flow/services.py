"""Keeps the node informed of the networks of Services.

Packets to a Service go to pods, mostly: so their MTU is that of the VCN's networks.
"""

from typing import Never

import trio

from vcnd.flow.cluster_loop import ClusterLoop
from vcnd.ports import Cluster, Host

READ_SECONDS = 3600.0
"""Interval of the look: networks are added to a cluster once in its life, if ever."""


class ServiceNetworks:
    """Reads them, and tells the host."""

    def __init__(self, *, host: Host, cluster: Cluster, loop: ClusterLoop) -> None:
        self._host = host
        self._cluster = cluster
        self._loop = loop

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Read them now, then each hour."""
        task_status.started()
        await self._loop.run(
            "services", self._reconcile, news=trio.Event, seconds=lambda: READ_SECONDS
        )

    async def _reconcile(self) -> None:
        self._host.lead_to_services(await self._cluster.service_networks())
