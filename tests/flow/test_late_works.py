"""A bulk deletion that goes on for longer than the daemon waits for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import trio

from fakeoci.world.resources import PrivateIp
from sim.invariants import check_invariants
from sim.world import World, add, key, settings, until_warm, world
from tests.flow.test_intent import stopped_before_release
from vcnd.config import Config
from vcnd.core.states import State
from vcnd.model.errors import PoolEmptyError
from vcnd.node import Node

Clock = trio.testing.MockClock
PODS = 16


def idle() -> Config:
    return settings(cooling_seconds=1.0, shrink_after_seconds=60.0, audit_seconds=120.0)


@asynccontextmanager
async def deleting(w: World, seconds: float) -> AsyncIterator[Node]:
    """Run a node.  OCI has just accepted its bulk deletion, which takes a while."""
    async with w.node(idle()) as node:
        await until_warm(node)
        for number in range(PODS):
            await add(node, number)
        await trio.sleep(20)  # the pool grows for its target
        for number in range(PODS):
            await node.attacher.delete(key(number))
        w.service.world.settings.timing.bulk_seconds = seconds
        with trio.fail_after(600):
            while not w.calls("BulkDeletePrivateIps"):
                await trio.sleep(0.1)
        await trio.sleep(0.1)
        yield node
        w.service.world.settings.timing.bulk_seconds = 1.0


async def start(node: Node, number: int) -> None:
    with suppress(PoolEmptyError):  # the VNIC is busy
        await add(node, number)


async def give_pods(w: World, node: Node, seconds: float) -> None:
    """Start pods now and then; what serves one stays in the cloud."""
    async with trio.open_nursery() as calls:
        for number in range(12):
            calls.start_soon(start, node, 100 + number)
            await trio.sleep(seconds / 12)
            leased = {lease.address for lease in node.pool.ledger.leases()}
            assert leased <= w.secondary().keys()  # I2


@pytest.mark.parametrize("seconds", [150.0, 400.0, 2000.0])
async def test_what_a_work_request_deletes_serves_no_pod(
    autojump_clock: Clock, seconds: float
) -> None:
    w = world(blocks=False)
    async with deleting(w, seconds) as node:
        withheld = node.pool.ledger.counts().deleting
        assert withheld > 0
        await trio.sleep(seconds - 20)
        assert node.pool.ledger.counts().deleting == withheld
        w.service.world.settings.timing.bulk_seconds = 1.0
        await give_pods(w, node, 1200)
        assert node.pool.ledger.counts().deleting == 0
        assert not node.pool.problems


@pytest.mark.parametrize("seconds", [150.0, 400.0])
async def test_a_later_life_knows_the_work_request(
    autojump_clock: Clock, seconds: float
) -> None:
    w = world(blocks=False)
    async with deleting(w, seconds):
        pass
    async with w.node(idle()) as node:
        await give_pods(w, node, seconds)
        await trio.sleep(600)
        check_invariants(w, node)
        assert node.pool.ledger.counts().deleting == 0


async def test_what_a_failed_work_request_left_serves_again(
    autojump_clock: Clock,
) -> None:
    w = world(blocks=False)
    async with deleting(w, 300.0) as node:
        ledger = node.pool.ledger
        held = [
            p for p in ledger.private_ips() if ledger.why_withheld(p) is State.DELETING
        ]
        # The request finds the first one gone, and ends there.
        w.service.world.drop(w.service.world.get(PrivateIp, held[0].id))
        await trio.sleep(305)
        assert ledger.counts().deleting == len(held) - 1
        with trio.fail_after(400):
            while ledger.counts().deleting:
                await trio.sleep(1)
        assert ledger.counts().free > 4
        check_invariants(w, node)


async def test_an_unknown_work_request_is_awaited_for_an_hour(
    autojump_clock: Clock,
) -> None:
    """A daemon is killed after OCI's answer, before the journal has a record of it."""
    w = world(blocks=False)
    firsts = await stopped_before_release(w, "")
    async with w.node(settings(batch=8, audit_seconds=120.0)) as node:
        await trio.sleep(3500)
        assert node.pool.ledger.counts().deleting == len(firsts)
        await trio.sleep(400)
        assert node.pool.ledger.counts().deleting == 0
        assert {*firsts} <= w.secondary().keys()
