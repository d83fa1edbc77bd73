"""A task that fails is started again, and harms nobody."""

import trio
from trio.testing import MockClock

from vcnd.aside import AGAIN_SECONDS, aside
from vcnd.log import log


async def test_a_task_that_fails_is_started_again(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    begun = list[float]()

    async def run() -> None:
        begun.append(trio.current_time())
        async with trio.open_nursery() as inner:
            inner.start_soon(trio.sleep, 1)
            raise ZeroDivisionError

    with log.collected() as events:
        nursery.start_soon(aside, "telling", run)
        await trio.sleep(1.5 * AGAIN_SECONDS)
    assert len(begun) == 2
    assert [(e["event"], e["task"]) for e in events] == [("task_failed", "telling")] * 2
    assert isinstance(events[0]["exc_info"], ExceptionGroup)
