"""The journal was lost, and the daemon starts again soon: what rested rests on."""

import pytest
import trio

from sim.world import World, add, settings, until_warm, world
from vcnd.core.recent import RECENT_SECONDS
from vcnd.model.records import JournalLost

Clock = trio.testing.MockClock
COOLING = settings(cooling_seconds=30.0)


async def lose_journal(w: World) -> str:
    """Let a pod end, and the journal be lost; return the address that it had."""
    async with w.node(COOLING) as node:
        await until_warm(node)
        lease = await add(node, 1)
        await node.attacher.delete(lease.key)
    w.journal.records.clear()
    return lease.address


@pytest.mark.parametrize("seconds", [3.0, 20.0])
async def test_address_rests_in_the_life_after_the_loss_too(
    autojump_clock: Clock, seconds: float
) -> None:
    """I3: seed 7377 of a simulation with more losses and restarts."""
    w = world()
    address = await lose_journal(w)
    async with w.node(COOLING):
        await trio.sleep(seconds)
    async with w.node(COOLING) as node:
        await trio.sleep(1)
        assert node.pool.ledger.state(address) == "cooling"
        await trio.sleep(40)
        assert node.pool.ledger.state(address) == "free"


async def test_address_found_after_a_boot_rests(autojump_clock: Clock) -> None:
    """I3: no list had it before the boot; its pod ended then."""
    w = world()
    async with w.node(COOLING) as node:
        lease = await add(node, 1)
    w.journal.records.clear()
    timing = w.service.world.settings.timing
    timing.consistency_seconds = RECENT_SECONDS
    async with w.node(COOLING):
        await trio.sleep(3)
    w.journal.boot()
    w.host.links.clear()
    timing.consistency_seconds = 0.0
    async with w.node(COOLING) as node:
        await trio.sleep(1)
        assert node.pool.ledger.state(lease.address) == "cooling"


async def test_nothing_rests_long_after_the_loss(autojump_clock: Clock) -> None:
    w = world()
    await lose_journal(w)
    async with w.node(COOLING):
        await trio.sleep(40)
    async with w.node(COOLING) as node:
        assert node.pool.ledger.counts().cooling == 0


async def test_new_node_has_lost_nothing(autojump_clock: Clock) -> None:
    """Its daemon is started again at once, by the installer say."""
    w = world()
    async with w.node(COOLING) as node:
        await until_warm(node)
    assert not any(isinstance(r, JournalLost) for r, _ in w.journal.records)
    async with w.node(COOLING) as node:
        await add(node, 1)
        assert node.pool.ledger.counts().cooling == 0
