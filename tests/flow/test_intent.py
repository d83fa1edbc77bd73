"""The daemon stops between a deletion and its record: no ADD gets a gone address."""

import pytest
import trio

from fakeoci.world.resources import PrivateIp
from sim.invariants import check_invariants
from sim.world import World, add, key, settings, until_warm, world
from tests.shop import add as shop_add
from tests.shop import reserved, shop, warm
from vcnd.config import Config
from vcnd.core.requests import FIXED_ADDRESS
from vcnd.model.errors import CloudError, PoolEmptyError, TryAgainError
from vcnd.model.records import DetachIntended, ReturnIntended
from vcnd.node import Node

Clock = trio.testing.MockClock
STOPS = [0, 1, 2, 3, 5, 8, 13, 21, 34, 0.01, 0.1, 0.5, 1.0, 2.0]
"""Time from OCI's deletion to the stop: int for scheduler steps, float for seconds."""

SURPLUS_SECONDS = 30.0
"""A surplus is released when it has lasted this long."""

moments = pytest.mark.parametrize("stop", STOPS)


async def pass_by(stop: float) -> None:
    """Let the daemon run for a number of steps or seconds."""
    if isinstance(stop, int):
        for _ in range(stop):
            await trio.lowlevel.checkpoint()
    else:
        await trio.sleep(stop)


async def until_fewer(w: World, than: int) -> None:
    """Wait until the cloud has deleted something, whatever the journal records.

    OCI carries bulk deletions out after its answer, even if no work request is read.
    """
    began = trio.current_time()
    with trio.fail_after(900):
        while len(w.secondary()) >= than:
            w.service.world.advance(w.service.clock())
            soon = trio.current_time() - began > SURPLUS_SECONDS - 1
            await trio.sleep(0.01 if soon else 0.25)


async def one_address_one_pod(w: World, other: World) -> None:
    """Restart the node while another node creates addresses; compare both."""
    async with other.node(settings(batch=16)) as second:
        theirs = {(await add(second, n)).address for n in range(8)}
        async with w.node(settings(batch=16)) as first:
            ours = {(await add(first, n + 100)).address for n in range(16)}
            assert ours.isdisjoint(theirs)
            assert ours <= w.secondary().keys()
            await trio.sleep(300)
            check_invariants(w, first)
            assert first.pool.ledger.counts().deleting == 0


async def shrink(node: Node) -> None:
    """Start and end twelve pods: a surplus appears and will be released."""
    for number in range(12):
        await add(node, number)
    await until_warm(node, free=4)
    for number in range(12):
        await node.attacher.delete(key(number))


def idle() -> Config:
    """Return settings that release a surplus soon."""
    return settings(cooling_seconds=1.0, shrink_after_seconds=SURPLUS_SECONDS)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["blocks", "in bulk", "one by one"])
@pytest.mark.parametrize("stop", STOPS[::2])
async def test_stop_while_addresses_are_given_back(
    autojump_clock: Clock, stop: float, how: str
) -> None:
    w = world(blocks=how == "blocks", nodes=2)
    async with w.node(idle()) as node:
        await shrink(node)
        if how == "one by one":
            w.fault("BulkDeletePrivateIps", status=404, code="NotFound", times=9)
        await until_fewer(w, len(w.secondary()))
        await pass_by(stop)
    await one_address_one_pod(w, w.beside("node2"))


@pytest.mark.slow
@moments
async def test_stop_while_a_vnic_is_detached(
    autojump_clock: Clock, stop: float
) -> None:
    few = {"ocpus = 4.0": "ocpus = 4.0\nprivate_ips_per_vnic = 6"}
    w = world(few, blocks=False, nodes=2)
    async with w.node(idle()) as node:
        await shrink(node)
        assert len(w.pod_vnics()) > 1
        vnics = len(w.pod_vnics())
        with trio.fail_after(900):
            while all(v.lifecycle_state == "AVAILABLE" for v in w.pod_vnics()):
                await trio.sleep(0.25)
        assert len(w.pod_vnics()) == vnics
        await pass_by(stop)
    async with w.node(settings()) as node:
        leases = [await add(node, n) for n in range(6)]
        await trio.sleep(120)
        assert {x.address for x in leases} <= w.secondary().keys()
        check_invariants(w, node)
        assert node.pool.vnics.detaching == set()


@pytest.mark.slow
@moments
async def test_stop_while_everything_is_released(
    autojump_clock: Clock, stop: float
) -> None:
    w = world(nodes=2)
    async with w.node() as node, trio.open_nursery() as releasing:
        await until_warm(node)
        releasing.start_soon(node.release.run)
        with trio.fail_after(900):
            while all(v.lifecycle_state == "AVAILABLE" for v in w.pod_vnics()):
                await trio.sleep(0.001)
        await pass_by(stop)
        releasing.cancel_scope.cancel()
    if w.journal.removed:
        w.journal.records.clear()  # the release was complete
    await one_address_one_pod(w, w.beside("node2"))


async def stopped_before_release(w: World, work: str | None) -> tuple[str, ...]:
    """Run a daemon that stops when it has recorded a release; return the addresses.

    Args:
        w: the world.
        work: the record's work request.
    """
    async with w.node() as node:
        await until_warm(node)
        firsts = tuple(p.address for p in node.pool.ledger.private_ips())
        await w.journal.append(ReturnIntended(firsts, work))
    return firsts


@pytest.mark.slow
async def test_undeleted_address_serves_again_after_restart(
    autojump_clock: Clock,
) -> None:
    """The daemon stops after the intent and before the call."""
    w = world(blocks=False)
    firsts = await stopped_before_release(w, None)
    async with w.node() as node:
        assert node.pool.ledger.counts().free == 0
        assert node.pool.ledger.counts().deleting == 4
        await trio.sleep(300)
        assert node.pool.ledger.counts().deleting == 0
        assert {*firsts} <= w.secondary().keys()
    async with w.node() as node:  # that is durable
        assert node.pool.ledger.counts().free >= 4
        check_invariants(w, node)


async def test_deletion_of_an_earlier_life_may_be_carried_out_late(
    autojump_clock: Clock,
) -> None:
    """Seed 35 of 20 nodes, 2 hours: a pod had got the address meanwhile (I2)."""
    w = world()
    async with w.node() as node:
        await until_warm(node)
        (block,) = node.pool.ledger.private_ips()
        await w.journal.append(ReturnIntended((block.address,), None))

    async def deletes() -> None:
        await trio.sleep(52)
        w.service.world.drop(w.service.world.get(PrivateIp, block.id))

    async with w.node() as node, trio.open_nursery() as cloud:
        cloud.start_soon(deletes)
        await trio.sleep(50)
        leases = [await add(node, n) for n in range(4)]
        await trio.sleep(60)
        assert {x.address for x in leases} <= w.secondary().keys()
        check_invariants(w, node)


@pytest.mark.slow
async def test_detaching_vnic_serves_no_pod_until_an_audit(
    autojump_clock: Clock,
) -> None:
    """The daemon stops after the intent; perhaps OCI detached it and lists are late."""
    w = world(blocks=False)
    async with w.node() as node:
        await until_warm(node)
        (to_delete,) = node.pool.vnics.pod_slots
        await w.journal.append(DetachIntended(to_delete.vnic.id))
    async with w.node() as node:
        lease = await add(node, 1)
        assert w.secondary()[lease.address].vnic_id != to_delete.vnic.id
        await trio.sleep(300)  # doubts are looked at at growing intervals
        assert node.pool.vnics.detaching == set()
    async with w.node() as node:  # that is durable
        assert node.pool.vnics.serves(to_delete.vnic.id)
        check_invariants(w, node)


async def test_add_is_refused_while_the_node_is_released(
    autojump_clock: Clock,
) -> None:
    """A waiting ADD ends, and a new one gets no address that is being released."""
    w = world({"ocpus = 4.0": "ocpus = 2.0\nprivate_ips_per_vnic = 1"}, blocks=False)
    refused: list[TryAgainError] = []

    async def wait_in_vain(node: Node) -> None:
        try:
            await add(node, 2)
        except TryAgainError as error:
            refused.append(error)

    async with w.node() as node:
        await until_warm(node, free=1)
        lease = await add(node, 1)
        async with trio.open_nursery() as calls:
            calls.start_soon(wait_in_vain, node)
            await trio.sleep(1)
            await node.attacher.delete(lease.key)
            calls.start_soon(node.release.run)
            await trio.sleep(0.1)
            with pytest.raises(TryAgainError, match="is being released") as caught:
                await add(node, 3)
            assert not isinstance(caught.value, PoolEmptyError)
        assert "is being released" in str(refused[0])
        assert node.pool.ledger.leases() == []
    assert w.pod_vnics() == []


@pytest.mark.slow
async def test_a_release_that_fails_lets_adds_in_again(autojump_clock: Clock) -> None:
    w = world()
    async with w.node() as node:
        await until_warm(node)
        w.fault("DetachVnic", status=403, code="NotAllowed", times=1)
        with pytest.raises(CloudError):
            await node.release.run()
        lease = await add(node, 1)
        assert lease.address in w.secondary()
        await trio.sleep(200)
        check_invariants(w, node)
        assert node.pool.ledger.counts().deleting == 0


@pytest.mark.slow
@moments
async def test_stop_while_a_fixed_address_is_let_go(
    autojump_clock: Clock, stop: float
) -> None:
    """Another node fetches it meanwhile: only one pod has it.

    OCI's answer is lost: otherwise the record is written in the same instant.
    """
    w = shop(nodes=2)
    w.fault("PrivateIpVnicDetach", "after")
    other, annotations = w.beside("node2"), {FIXED_ADDRESS: "web"}
    async with warm(w) as node:
        lease = await shop_add(node, 1, annotations)
        await node.attacher.delete(lease.key)
        with trio.fail_after(60):
            while reserved(w)[0].vnic_id is not None:
                await trio.sleep(0.001)
        await pass_by(stop)
    async with warm(other) as second:
        theirs = await shop_add(second, 2, annotations)
        assert theirs.address == lease.address
        async with warm(w) as first:
            with pytest.raises(PoolEmptyError):
                await shop_add(first, 3, annotations)
            assert first.pool.ledger.leases() == []
            check_invariants(other, second)


@pytest.mark.slow
async def test_a_return_carried_out_unanswered_is_no_problem_any_more(
    autojump_clock: Clock,
) -> None:
    w = world(blocks=False)
    config = settings(
        cooling_seconds=1.0, shrink_after_seconds=60.0, audit_seconds=120.0
    )
    async with w.node(config) as node:
        await until_warm(node)
        for number in range(12):
            await add(node, number)
        await trio.sleep(20)  # the pool grows for its target
        for number in range(12):
            await node.attacher.delete(key(number))
        held = node.pool.ledger.counts().total
        w.fault("GetWorkRequest", "hang")
        with trio.fail_after(300):
            while not node.pool.problems:
                await trio.sleep(1)
        await trio.sleep(300)
        assert node.pool.ledger.counts().total < held
        assert not node.pool.problems
