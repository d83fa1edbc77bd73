"""kubelet's max-pods bounds the pool; a shape that cannot hold them is told."""

import pytest
import trio

from sim.cluster import MemoryCluster
from sim.world import settings, until_warm, world
from vcnd.config import OciSection
from vcnd.model.cause import Cause
from vcnd.model.family import Family
from vcnd.model.place import MAX_PODS

Clock = trio.testing.MockClock


async def test_node_holds_no_more_than_kubelet_takes(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    cluster.takes = 12
    async with w.node(settings(minimum=40), cluster=cluster) as node:
        await trio.sleep(60)
        assert (node.pool.policy.maximum, node.pool.target) == (12, 12)
        cluster.takes = 30
        cluster.change()
        await trio.sleep(60)
        assert node.pool.policy.maximum == 30
        # A Node that tells nothing, or zero, bounds nothing.
        for takes in (None, 0):
            cluster.takes = takes
            cluster.change()
            await trio.sleep(60)
            assert node.pool.policy.maximum == 110


@pytest.mark.slow
async def test_shape_that_cannot_hold_max_pods_is_told(autojump_clock: Clock) -> None:
    w, cluster = world(blocks=False), MemoryCluster()
    async with w.node(settings(), cluster=cluster) as node:
        await until_warm(node)
        await trio.sleep(60)
        room = node.pool.most_addresses(Family.IPV4)
        assert room == (node.pool.vnics.limit - 1) * OciSection().addresses_per_vnic
        cluster.takes = room
        cluster.change()
        await trio.sleep(60)
        assert node.pool.problems.at(MAX_PODS) is None
        cluster.takes = room + 1
        cluster.change()
        await trio.sleep(60)
        (problem,) = node.pool.problems
        assert (problem.place, problem.cause) == (MAX_PODS, Cause.UNFIT)
        assert f"takes {room + 1} pods" in problem.reason
        assert f"hold {room} IPv4" in problem.reason
        told = [e for e in cluster.events if str(room + 1) in e.message]
        assert [(e.reason, e.pod) for e in told] == [("PodNetworkProblem", None)]
        # It serves all the same.
        assert cluster.reports[-1].state == "SUCCESS"
        cluster.takes = room
        cluster.change()
        await trio.sleep(60)
        assert node.pool.problems.at(MAX_PODS) is None


async def test_blocks_make_room_for_any_number(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    cluster.takes = 500
    async with w.node(settings(), cluster=cluster) as node:
        await until_warm(node)
        await trio.sleep(60)
        assert not node.pool.problems
