"""Two tasks change the same state at once: nothing is added twice or lost."""

import pytest
import trio

from fakeoci.world import ips
from sim.invariants import check_invariants
from sim.world import add, key, settings, until_warm, world

Clock = trio.testing.MockClock


@pytest.mark.slow
async def test_audit_meets_a_creation_on_a_slow_disk(autojump_clock: Clock) -> None:
    """The audit sees addresses whose creation is not on disk yet."""
    w = world(blocks=False)
    w.journal.seconds = 0.15
    async with w.node(settings(audit_seconds=0.1)) as node:
        await until_warm(node)
        for number in range(9):
            await add(node, number)
        check_invariants(w, node)


@pytest.mark.slow
async def test_audits_during_block_creation_break_no_invariant(
    autojump_clock: Clock,
) -> None:
    w = world()
    w.journal.seconds = 0.15
    async with w.node(settings(audit_seconds=3600.0)) as node:

        async def doubt() -> None:
            while True:
                node.pool.signals.request_audit()
                await trio.sleep(0.05)

        async with trio.open_nursery() as doubts:
            doubts.start_soon(doubt)
            for number in range(9):
                await add(node, number)
            doubts.cancel_scope.cancel()
        check_invariants(w, node)


@pytest.mark.slow
async def test_audit_adopts_no_address_that_was_deleted_meanwhile(
    autojump_clock: Clock,
) -> None:
    """I2: seed 2152 of a simulation; the audit waits for a second witness."""
    w = world(blocks=False)
    config = settings(
        audit_seconds=3600.0, cooling_seconds=1.0, shrink_after_seconds=30.0
    )
    async with w.node(config) as node:
        kept = await add(node, 0)
        for number in range(1, 8):
            await add(node, number)
        for number in range(1, 8):
            await node.attacher.delete(key(number))
        w.service.world.settings.timing.latencies |= {
            "BulkDeletePrivateIps": 10.0,
            "DeletePrivateIp": 10.0,
            "GetPrivateIp": 30.0,
        }
        while not node.pool.ledger.counts().deleting:
            await trio.sleep(0.5)
        # By somebody else; GetPrivateIp is asked about it.
        ips.discard(w.service.world, w.secondary()[kept.address])
        node.pool.signals.request_audit()
        for _ in range(120):
            await trio.sleep(0.5)
            free = {
                a
                for p in node.pool.ledger.private_ips()
                for a in p.addresses
                if node.pool.ledger.state(a) == "free"
            }
            assert free <= w.secondary().keys()
        assert len(w.secondary()) < 8
