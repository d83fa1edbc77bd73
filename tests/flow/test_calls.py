"""Calls that wait: other calls end them, and they leave nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from sim.host import MemoryHost
from sim.invariants import check_invariants
from sim.world import World, add, key, until_warm, world
from vcnd.model.errors import TryAgainError, VcndError
from vcnd.model.sandbox import Lease
from vcnd.node import Node

Clock = trio.testing.MockClock
AWAY_SECONDS = 10.0


@asynccontextmanager
async def cold_node(w: World) -> AsyncIterator[Node]:
    """Run a node that gets no VNIC, and so no address, until the test ends."""
    w.fault("AttachVnic", status=500, code="InternalServerError", times=1000)
    async with w.node() as node:
        yield node


async def refused(node: Node, number: int, refusals: list[tuple[float, str]]) -> None:
    with pytest.raises(TryAgainError) as caught:
        await add(node, number)
    assert caught.value.code == 11
    refusals.append((trio.current_time(), caught.value.message))


async def waiting(node: Node) -> None:
    while not node.pool.demand.waiting:
        await trio.sleep(0.1)
    await trio.sleep(AWAY_SECONDS / 2)


async def test_del_ends_its_waiting_add(autojump_clock: Clock) -> None:
    w = world()
    refusals: list[tuple[float, str]] = []
    async with cold_node(w) as node, trio.open_nursery() as calls:
        calls.start_soon(refused, node, 1, refusals)
        await waiting(node)
        began = trio.current_time()
        assert await node.attacher.delete(key(1)) is None
        assert trio.current_time() == began
    assert refusals == [(began, "overtaken by DEL")]
    assert node.pool.demand.waiting == 0
    assert node.pool.ledger.leases() == []


async def test_del_ends_every_earlier_add(autojump_clock: Clock) -> None:
    """ADDs that wait for the lock end too: each would wait for an address again."""
    w = world()
    refusals: list[tuple[float, str]] = []
    async with cold_node(w) as node, trio.open_nursery() as calls:
        for _ in range(3):
            calls.start_soon(refused, node, 1, refusals)
        await waiting(node)
        began = trio.current_time()
        await node.attacher.delete(key(1))
        assert trio.current_time() == began
    assert {message for _, message in refusals} <= {
        "overtaken by DEL",
        "overtaken by ADD",
    }
    assert len(refusals) == 3
    assert node.pool.demand.waiting == 0


async def test_new_add_ends_the_waiting_add(autojump_clock: Clock) -> None:
    w = world()
    w.fault("AttachVnic", status=500, code="InternalServerError", times=3)
    refusals: list[tuple[float, str]] = []
    async with w.node() as node, trio.open_nursery() as calls:
        calls.start_soon(refused, node, 1, refusals)
        while not node.pool.demand.waiting:
            await trio.sleep(0.001)
        lease = await add(node, 1)
        assert node.pool.ledger.leases() == [lease]
        check_invariants(w, node)
    assert [message for _, message in refusals] == ["overtaken by ADD"]


async def test_del_of_another_sandbox_ends_nothing(autojump_clock: Clock) -> None:
    """I6: an older sandbox's DEL leaves the newer one of the same pod alone."""
    w = world()
    w.fault("AttachVnic", status=500, code="InternalServerError", times=3)
    async with w.node() as node, trio.open_nursery() as calls:
        calls.start_soon(add, node, 2)
        while not node.pool.demand.waiting:
            await trio.sleep(0.001)
        await node.attacher.delete(key(1))
    assert [x.key for x in node.pool.ledger.leases()] == [key(2)]


async def test_del_waits_for_an_add_that_has_its_address(autojump_clock: Clock) -> None:
    w = world()
    w.host.plug_seconds = 1.0
    async with w.node() as node:
        await until_warm(node)
        async with trio.open_nursery() as calls:
            calls.start_soon(add, node, 1)
            await trio.sleep(0.5)
            ended = await node.attacher.delete(key(1))
            assert ended is not None
        assert node.pool.ledger.leases() == []
        assert w.host.links == {}
        # Earlier calls do not end the next call of the same sandbox.
        assert (await add(node, 1)).key == key(1)


@pytest.mark.parametrize("tenths", range(12))
async def test_add_cancelled_at_any_step_leaves_nothing(
    autojump_clock: Clock, tenths: int
) -> None:
    """Cancelled before or during the write of the lease, or during the plug."""
    w = world()
    async with w.node() as node:
        await until_warm(node)
        w.journal.seconds, w.host.plug_seconds = 0.5, 0.5
        with trio.move_on_after(tenths / 10):
            await add(node, 1)
        done = tenths > 10
        assert len(node.pool.ledger.leases()) == len(w.host.links) == int(done)
        assert len(w.journal.open().leases) == int(done)
        check_invariants(w, node)
        # The next calls of the sandbox succeed.
        lease = await add(node, 1)
        assert await node.attacher.delete(key(1)) == lease


class StuckHost(MemoryHost):
    """Refuses to unplug one sandbox."""

    async def unplug(self, lease: Lease) -> None:
        if lease.key == key(1):
            raise VcndError("the kernel refused a step")
        await super().unplug(lease)


async def test_gc_ends_leases_and_reports_failures(autojump_clock: Clock) -> None:
    w = world()
    w.host = StuckHost()
    async with w.node() as node:
        for number in range(4):
            await add(node, number)
        with pytest.raises(TryAgainError, match="1 leases could not be ended"):
            await node.kernel_audit.collect_garbage(
                "vcnd", frozenset({("container0", "eth0")})
            )
        assert {x.key for x in node.pool.ledger.leases()} == {key(0), key(1)}


@pytest.mark.parametrize("seconds", [0.0, 0.5, AWAY_SECONDS])
async def test_add_of_a_closed_connection_leaves_nothing(
    autojump_clock: Clock, seconds: float
) -> None:
    """The server cancels it: no demand, no lease, no link; the next ADD is served."""
    w = world()
    async with cold_node(w) as node:
        with trio.move_on_after(seconds):
            await add(node, 1)
        assert node.pool.demand.waiting == 0
        assert node.pool.demand.wanted == 0
        assert node.pool.ledger.leases() == []
        assert w.host.links == {}
        w.service.faults.clear()
        assert (await add(node, 1)).key == key(1)
        check_invariants(w, node)
