"""An ADD that gets no address says why, before its cloud calls have failed for good."""

import re
from typing import Any

import pytest
import trio

from sim.world import add, settings, until_warm, world
from vcnd.flow import status
from vcnd.model.cause import Cause
from vcnd.model.errors import NotServingError, PoolEmptyError
from vcnd.node import Node

Clock = trio.testing.MockClock
FREE = 4
FAILURES: dict[str, tuple[dict[str, Any], Cause, str]] = {
    "refused": ({"status": 503, "code": "Busy"}, Cause.SERVER_ERROR, "503 Busy"),
    "throttled": ({"status": 429, "code": "Slow"}, Cause.THROTTLED, "429 Slow"),
    "cut": ({"kind": "cut"}, Cause.UNREACHABLE, "OCI does not answer"),
    "hanging": ({"kind": "hang"}, Cause.UNREACHABLE, r"no answer for \d+ s"),
}


async def refused_add(node: Node) -> PoolEmptyError:
    """Use the pool up; return the refusal of the next ADD."""
    number = 0
    while True:
        try:
            await add(node, number)
        except PoolEmptyError as error:
            return error
        number += 1


@pytest.mark.parametrize("how", FAILURES)
async def test_refusal_names_the_call_that_is_tried(
    autojump_clock: Clock, how: str
) -> None:
    fault, cause, says = FAILURES[how]
    w = world()
    async with w.node(settings(batch=FREE)) as node:
        await until_warm(node, FREE)
        w.fault("*", times=10_000, **fault)
        refusal = await refused_add(node)
        assert refusal.cause is cause
        assert re.search(says, str(refusal))
        # It is no problem of the node yet: nobody is alarmed because of one try.
        assert not [*node.pool.problems]
        w.service.faults.clear()
        await until_warm(node, 1)
        assert node.pool.tries.latest_problem() is None


@pytest.mark.parametrize("how", FAILURES)
async def test_first_audit_is_named_while_it_is_tried(
    autojump_clock: Clock, how: str
) -> None:
    fault, cause, says = FAILURES[how]
    w = world()
    w.fault("*", times=10_000, **fault)
    async with w.node(settings(batch=FREE)) as node:
        await trio.sleep(10)
        with pytest.raises(NotServingError) as caught:
            status.ready(node.pool)
        assert caught.value.cause is cause
        assert re.search(says, str(caught.value))


async def test_slow_answer_is_no_reason(autojump_clock: Clock) -> None:
    w = world()
    async with w.node(settings(batch=FREE)) as node:
        await until_warm(node, FREE)
        w.fault("*", kind="slow", seconds=1.0, times=10_000)
        for number in range(FREE + 2):
            await add(node, number)
            assert node.pool.tries.latest_problem() is None
