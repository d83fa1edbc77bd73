"""A subnet that is nearly full: nodes with a buffer give it to pods of others."""

from contextlib import AsyncExitStack

import pytest
import trio

from sim.cluster import MemoryCluster
from sim.world import World, add, problems, settings, until_warm, world
from vcnd.flow.conditions import Phase
from vcnd.model.errors import PoolEmptyError
from vcnd.model.family import Family
from vcnd.node import Node

Clock = trio.testing.MockClock
NODES, BUFFER, PODS = 4, 12, 24
SMALL = {'cidrs = ["10.1.0.0/20"]': 'cidrs = ["10.1.0.0/26"]'}
"""61 addresses: four VNICs, three buffers, and 21 more: not enough for the pods."""


async def started(node: Node, seconds: float) -> int:
    """Start pods as a kubelet does, again and again; return how many have started."""
    with trio.move_on_after(seconds):
        for number in range(PODS):
            while True:
                try:
                    await add(node, number)
                    break
                except PoolEmptyError:
                    await trio.sleep(10.0)
    return node.pool.ledger.counts().leased


async def pods_of_the_last_node(
    opened: AsyncExitStack, w: World, lean_at: float
) -> tuple[int, list[Node]]:
    """Let nodes hold a buffer; return how many pods another one can start."""
    hoards = settings(minimum=BUFFER, lean_at=lean_at)
    nodes = []
    for number in range(1, NODES):
        beside = w if number == 1 else w.beside(f"node{number}")
        nodes.append(await opened.enter_async_context(beside.node(hoards)))
    for node in nodes:
        await until_warm(node, BUFFER)
    config = settings(lean_at=lean_at)
    last = await opened.enter_async_context(w.beside(f"node{NODES}").node(config))
    return await started(last, 3000.0), nodes


@pytest.mark.slow
@pytest.mark.parametrize("lean_at", [0.0, 0.9])
async def test_nodes_give_their_buffer_to_pods_of_others(
    autojump_clock: Clock, lean_at: float
) -> None:
    w = world(SMALL, nodes=NODES, blocks=False)
    async with AsyncExitStack() as opened:
        found, nodes = await pods_of_the_last_node(opened, w, lean_at)
        await trio.sleep(1000.0)  # each has read it
        kinds = {p.cause for node in nodes for p in problems(node)}
        if lean_at:
            assert found == PODS
            assert "subnet_nearly_full" in kinds
            # Once it is enough, those who read later may keep their buffers.
            assert any(n.pool.target == 0 for n in nodes)
        else:
            assert found < PODS
            assert "subnet_nearly_full" not in kinds


async def test_without_the_right_to_read_it_pods_still_start(
    autojump_clock: Clock,
) -> None:
    w = world()
    w.fault("GetSubnetCidrUtilization", status=404, times=100)
    async with w.node(settings(lean_at=0.9)) as node:
        await until_warm(node)
        await trio.sleep(2000)
        assert w.calls("GetSubnetCidrUtilization") > 0
        assert not problems(node)


async def test_a_lean_node_without_addresses_is_ready(autojump_clock: Clock) -> None:
    """It keeps no start-up taint: an ADD gets its address when it comes."""
    w, cluster = world(), MemoryCluster()
    # Any use is too much here.
    config = settings(lean_at=0.001, audit_seconds=30.0)
    async with w.node(config, cluster=cluster) as node:
        await until_warm(node)
        await trio.sleep(600)
        counts = node.pool.counts(Family.IPV4)
        assert (counts.free, counts.cooling, node.pool.target) == (0, 0, 0)
        assert cluster.reports[-1].serves
        assert "for each pod" in cluster.reports[-1].reason
        assert (await add(node, 1)).address
        await trio.sleep(60)
        assert cluster.reports[-1].reason == "COMPLETED"
        # A drained node gives pods none.
        node.pool.conditions.enter(Phase.DRAINING)
        assert not node.pool.serves_on_demand


async def test_a_full_subnet_is_not_ready(autojump_clock: Clock) -> None:
    w = world()
    async with w.node(settings(lean_at=0.001, audit_seconds=30.0)) as node:
        await until_warm(node)
        await trio.sleep(600)
        assert node.pool.serves_on_demand
        now = trio.current_time()
        for subnet in node.pool.demand.network.subnet_ids:
            node.pool.pressure.note(subnet, 1.0, now)
        assert not node.pool.serves_on_demand


async def test_a_pool_without_buffer_is_ready(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    async with w.node(settings(buffer_fraction=0.0), cluster=cluster):
        await trio.sleep(60)
        assert cluster.reports[-1].state == "SUCCESS"
