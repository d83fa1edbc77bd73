"""Two tasks change the same state at once: nothing is added twice or lost."""

import pytest
import trio

from sim.invariants import check_invariants
from sim.world import add, settings, until_warm, world

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
