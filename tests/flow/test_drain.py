"""A drained node gives no new leases, and holds nothing in reserve."""

import math

import pytest
import trio
import trio.testing

from fakeoci.world.ips import discard
from sim.journal import RETRY_SECONDS
from sim.world import add, key, settings, until_warm, world
from vcnd.flow.conditions import Phase
from vcnd.model.errors import BadRequestError, CloudRefusedError, TryAgainError
from vcnd.model.records import DrainSet
from vcnd.model.sandbox import BoundPod, PodRef
from vcnd.node import Node

Clock = trio.testing.MockClock


async def until_held(node: Node, number: int) -> None:
    with trio.fail_after(300):
        while (await node.drain(on=True)).held != number:
            await trio.sleep(0.5)


async def test_drained_node_gives_back_what_is_free(autojump_clock: Clock) -> None:
    one = world(blocks=False)
    async with one.node() as node:
        await until_warm(node)
        lease = await add(node, 1)
        state = await node.drain(on=True)
        assert state.draining
        assert state.pods == ("/pod1",)
        await until_held(node, 1)
        assert set(one.secondary()) == {lease.address}


async def test_vnic_of_a_pod_whose_address_is_gone_stays(
    autojump_clock: Clock,
) -> None:
    """I9: that both witnesses lack it may be an error: seed 3004399."""
    few = {"ocpus = 4.0": "ocpus = 4.0\nprivate_ips_per_vnic = 1"}
    one = world(few, blocks=False)
    async with one.node(settings(batch=1, audit_seconds=60.0)) as node:
        await until_warm(node, free=1)
        kept = (await add(node, 1)).address
        await until_warm(node, free=1)
        lost = (await add(node, 2)).address
        await until_warm(node, free=1)
        await trio.sleep(70)  # they are not recent any more
        vnics = {a: one.secondary()[a].vnic_id for a in (lost, kept)}
        assert len(one.pod_vnics()) == 3
        discard(one.service.world, one.secondary()[lost])
        await trio.sleep(70)
        assert node.pool.ledger.lost() == {lost}
        await node.drain(on=True)
        await trio.sleep(120)
        assert {v.id for v in one.pod_vnics()} == {*vnics.values()}
        await node.attacher.delete(key(2))
        await trio.sleep(120)
        assert [v.id for v in one.pod_vnics()] == [vnics[kept]]


async def test_drained_node_gives_no_address(autojump_clock: Clock) -> None:
    one = world(blocks=False)
    async with one.node() as node:
        await until_warm(node)
        await node.drain(on=True)
        with pytest.raises(TryAgainError, match="is being drained"):
            await add(node, 1)


async def test_calls_that_wait_are_answered_at_once(autojump_clock: Clock) -> None:
    one = world(blocks=False)
    async with one.node() as node:
        await until_warm(node)
        one.fault("BulkCreatePrivateIps", status=500, times=None)
        one.fault("CreatePrivateIp", status=500, times=None)
        began = trio.current_time()
        with pytest.RaisesGroup(pytest.RaisesExc(TryAgainError, match="drained")):
            async with trio.open_nursery() as nursery:
                for number in range(1, 6):
                    nursery.start_soon(add, node, number)
                await trio.sleep(1.0)
                await node.drain(on=True)
        assert trio.current_time() - began < 2.0


async def test_pods_go_and_the_node_is_released(autojump_clock: Clock) -> None:
    one = world(blocks=False)
    async with one.node() as node:
        await until_warm(node)
        await add(node, 1)
        await node.drain(on=True)
        with pytest.raises(BadRequestError, match="1 pods hold addresses"):
            await node.release.run()
        assert node.pool.conditions.phase is Phase.DRAINING
        await node.attacher.delete(key(1))
        assert (await node.drain(on=True)).pods == ()
        await node.release.run()
        assert one.pod_vnics() == []
        for on in (True, False):
            with pytest.raises(BadRequestError, match="the node is released"):
                await node.drain(on=on)


async def test_release_that_fails_leaves_the_node_draining(
    autojump_clock: Clock,
) -> None:
    one = world(blocks=False)
    async with one.node() as node:
        await until_warm(node)
        await node.drain(on=True)
        one.fault("DetachVnic", status=400, code="InvalidParameter")
        with pytest.raises(CloudRefusedError):
            await node.release.run()
        assert node.pool.conditions.phase is Phase.DRAINING


async def test_undone_drain_lets_the_pool_grow_again(autojump_clock: Clock) -> None:
    one = world(blocks=False)
    async with one.node() as node:
        await until_warm(node)
        await node.drain(on=True)
        await until_held(node, 0)
        assert not (await node.drain(on=False)).draining
        await until_warm(node)
        await add(node, 1)


async def test_pods_bound_to_a_drained_node_do_not_grow_it(
    autojump_clock: Clock,
) -> None:
    one = world(blocks=False)
    async with one.node() as node:
        await until_warm(node)
        await node.drain(on=True)
        await until_held(node, 0)
        before = one.calls("BulkCreatePrivateIps") + one.calls("CreatePrivateIp")
        with pytest.raises(TryAgainError):
            await add(node, 1)
        await trio.sleep(200)
        after = one.calls("BulkCreatePrivateIps") + one.calls("CreatePrivateIp")
        assert after == before


async def test_pods_bound_to_a_drained_node_reserve_nothing(
    autojump_clock: Clock,
) -> None:
    one = world(blocks=False)
    async with one.node() as node:
        await until_warm(node)
        pod = PodRef(namespace="default", name="waits", uid="uid-waits")
        node.pool.demand.bind([BoundPod(pod=pod)])
        await until_held(node, 0)


async def test_drained_node_sleeps_while_a_block_is_in_use(
    autojump_clock: Clock,
) -> None:
    one = world()
    async with one.node() as node:
        await until_warm(node)
        await add(node, 1)
        assert (await node.drain(on=True)).held > 1
        # Time goes on by itself now: what is due at once is due again and again.
        autojump_clock.autojump_threshold, autojump_clock.rate = math.inf, 1.0
        with trio.fail_after(5.0):
            await trio.testing.wait_all_tasks_blocked(0.02)


async def test_drain_outlives_the_daemon_and_a_boot(autojump_clock: Clock) -> None:
    one = world(blocks=False)
    async with one.node() as node:
        await until_warm(node)
        assert (await node.drain(on=True)).kept
    async with one.node() as node:
        assert (await node.report()).draining
        await until_held(node, 0)
        with pytest.raises(TryAgainError, match="is being drained"):
            await add(node, 1)
    one.journal.boot()
    async with one.node() as node:
        assert node.pool.is_draining
        assert not (await node.drain(on=False)).draining
    async with one.node() as node:
        assert not node.pool.is_draining
        await until_warm(node)


async def test_repeated_drain_writes_nothing(autojump_clock: Clock) -> None:
    one = world(blocks=False)
    async with one.node() as node:
        for _ in range(3):
            await node.drain(on=True)
    written = [record for record, _ in one.journal.records]
    assert written.count(DrainSet(on=True)) == 1


async def test_release_ends_the_drain(autojump_clock: Clock) -> None:
    one = world(blocks=False)
    async with one.node() as node:
        await until_warm(node)
        await node.drain(on=True)
        await node.release.run()
    async with one.node() as node:
        assert not node.pool.is_draining


async def test_full_disk_does_not_stop_a_drain(autojump_clock: Clock) -> None:
    one = world(blocks=False)
    async with one.node() as node:
        await until_warm(node)
        one.journal.full = True
        state = await node.drain(on=True)
        assert (state.draining, state.kept) == (True, False)
        with pytest.raises(TryAgainError, match="is being drained"):
            await add(node, 1)
        one.journal.full = False
        await trio.sleep(2 * RETRY_SECONDS)
        assert (await node.drain(on=True)).kept
    async with one.node() as node:
        assert node.pool.is_draining


async def test_drain_whose_caller_hangs_up_is_kept(autojump_clock: Clock) -> None:
    one = world(blocks=False)
    one.journal.seconds = 1.0
    async with one.node() as node:
        with trio.move_on_after(0.5):
            await node.drain(on=True)
        assert node.pool.is_draining
        await trio.sleep(2 * RETRY_SECONDS)
    async with one.node() as node:
        assert node.pool.is_draining
