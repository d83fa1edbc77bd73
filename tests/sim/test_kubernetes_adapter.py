"""A node's daemon, with its own adapter of Kubernetes, on the simulated API server."""

from random import Random

import trio
from trio.testing import MockClock

from sim.kubernetes.adapter import cluster_of, missed
from sim.kubernetes.control_plane import ControlPlane
from sim.kubernetes.resources import NETWORKS, NODES
from sim.kubernetes.server import ApiServer
from sim.world import add, settings, world


async def test_node_serves_a_pod_and_tells_it(autojump_clock: MockClock) -> None:
    w, server = world(), ApiServer(random=Random(1))
    plane = ControlPlane(server)
    plane.add_node("node1", address=w.address)
    cluster = cluster_of(server, settings(), node="node1", random=Random(2))
    async with w.node(cluster=cluster) as node:
        pod = plane.create_pod("default", "pod1", node="node1")
        with trio.fail_after(60):
            while node.pool.ledger.counts().free < 4:
                await trio.sleep(0.5)
        assert node.pool.demand.bound(pod["metadata"]["uid"]) is not None
        lease = await add(node, 1)
        plane.started(pod, lease.addresses)
        await trio.sleep(10)
        (network,) = server.objects(NETWORKS)
        assert network.body["status"]["state"] == "SUCCESS"
        (there,) = server.objects(NODES)
        assert there.body["spec"]["taints"] == []
        assert not missed(server, cluster, "node1")
        plane.end_pod(pod)
        assert missed(server, cluster, "node1") == {"default/pod1"}
        await trio.sleep(10)
        assert not missed(server, cluster, "node1")
        assert node.pool.demand.bound(pod["metadata"]["uid"]) is None
        plane.remove_node("node1")
        assert not [*server.objects(NETWORKS)]
