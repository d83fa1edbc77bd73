"""What OCI never releases: tries are seldom, and so are the questions after each."""

import pytest
import trio

from sim.world import key
from tests.shop import add, ids, shop, warm
from vcnd.core.requests import NSG_IDS

Clock = trio.testing.MockClock
MOST_CALLS = 450
"""In an hour, of which 40 are for what is compared anyhow."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "NotAuthorizedOrNotFound"),
        (409, "IncorrectState"),
        (429, "TooManyRequests"),
        (500, "InternalServerError"),
    ],
)
async def test_vnic_that_cannot_be_detached_costs_few_calls(
    autojump_clock: Clock, status: int, code: str
) -> None:
    w = shop()
    _, nsg = ids(w)
    async with warm(w, shrink_after_seconds=60.0) as node:
        await add(node, 1, {})
        await add(node, 2, {NSG_IDS: nsg})
        w.fault("DetachVnic", status=status, code=code, times=1_000_000)
        await node.attacher.delete(key(2))
        await trio.sleep(1800)
        before, tries = w.calls(), w.calls("DetachVnic")
        await trio.sleep(3600)
        assert w.calls() - before < MOST_CALLS
        assert w.calls("DetachVnic") > tries
