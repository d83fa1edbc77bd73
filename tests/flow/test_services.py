"""The networks of Services on their way from Kubernetes to the node's kernel."""

import pytest
import trio

from sim.cluster import MemoryCluster
from sim.world import until_warm, world

Clock = trio.testing.MockClock


@pytest.mark.slow
async def test_host_learns_the_networks_of_services(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    first, second = "10.96.0.0/12", "10.112.0.0/16"
    cluster.services = (first,)
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        assert w.host.service_networks == (first,)
        cluster.services = (first, second)
        cluster.away = True
        await trio.sleep(3700)
        assert len(w.host.service_networks) == 1
        cluster.away = False
        await trio.sleep(60)
        assert second in w.host.service_networks
