"""Many more pods than addresses."""

import pytest
import trio
import trio.testing

from sim.world import add, settings, until_warm, world
from vcnd.config import Config
from vcnd.model.errors import TryAgainError
from vcnd.model.sandbox import Lease

Clock = trio.testing.MockClock
CALLS, POOL = 1000, 10
PATIENCE: float = settings().cni.patience_seconds


def small() -> Config:
    return settings(maximum=POOL, minimum=POOL)


@pytest.mark.slow
async def test_every_add_of_a_flood_is_answered_in_time(autojump_clock: Clock) -> None:
    leases: list[Lease] = []
    refused: list[float] = []

    async with world().node(small()) as node, trio.open_nursery() as calls:
        await until_warm(node)
        began = trio.current_time()

        async def call(number: int) -> None:
            try:
                leases.append(await add(node, number))
            except TryAgainError as error:
                assert error.code == 11
                refused.append(trio.current_time() - began)

        for number in range(CALLS):
            calls.start_soon(call, number)
    assert len(leases) == POOL
    assert len(refused) == CALLS - POOL
    assert max(refused) <= PATIENCE + 0.5
    assert node.pool.demand.waiting == 0
