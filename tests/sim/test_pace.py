"""The witness of how fast a daemon calls OCI."""

import trio
from trio.testing import MockClock

from sim.fleet.pace import Pace
from vcnd.model.urgency import Urgency
from vcnd.ociapi.limiter import Limiter


async def test_limiter_is_never_too_fast(autojump_clock: MockClock) -> None:
    """Every third call is throttled for some seconds, then none."""
    found: list[str] = []
    pace, limiter = Pace(lambda _rule, what: found.append(what)), Limiter()

    async def call(number: int) -> None:
        await limiter.acquire(Urgency.AUDIT)
        pace.sent()
        await trio.sleep(0.3)
        throttled = number % 3 == 0 and trio.current_time() < 5
        pace.answered(429 if throttled else 200)
        if throttled:
            limiter.refused()
        else:
            limiter.answered()

    async with trio.open_nursery() as calls:
        for number in range(120):
            calls.start_soon(call, number)
            await trio.sleep(0.05)
    assert found == []


async def test_rate_that_a_429_does_not_lower_is_found(
    autojump_clock: MockClock,
) -> None:
    found: list[str] = []
    pace = Pace(lambda rule, _what: found.append(rule))
    for _ in range(60):
        pace.sent()
        pace.answered(429)
        await trio.sleep(1.0)
    assert set(found) == {"I15"}
