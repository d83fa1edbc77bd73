"""The rate that the limiter finds, and the order of calls."""

import pytest
import trio

from vcnd.model.urgency import Urgency
from vcnd.ociapi.limiter import BURST, MOST_PER_SECOND, Limiter

Clock = trio.testing.MockClock


class Server:
    """A token bucket that refuses calls above its rate."""

    def __init__(self, per_second: float, burst: float) -> None:
        self.per_second, self.burst = per_second, burst
        self.tokens, self.at = burst, 0.0
        self.served = self.refused = 0

    def ask(self) -> bool:
        now = trio.current_time()
        gained = (now - self.at) * self.per_second
        self.tokens, self.at = min(self.burst, self.tokens + gained), now
        if self.tokens < 1:
            self.refused += 1
            return False
        self.tokens -= 1
        self.served += 1
        return True


@pytest.mark.slow
@pytest.mark.parametrize("per_second", [0.3, 2.0, 9.0])
async def test_the_rate_that_the_api_bears_is_found(
    autojump_clock: Clock, per_second: float
) -> None:
    server, limiter = Server(per_second, burst=2.0), Limiter()
    with trio.move_on_after(1800):
        while True:
            await limiter.acquire(Urgency.WARM_UP)
            if server.ask():
                limiter.answered()
            else:
                limiter.refused()
            await trio.sleep(0.02)
    assert server.served > 0.5 * per_second * 1800
    assert server.refused < server.served


async def test_a_rested_limiter_lets_a_burst_go(autojump_clock: Clock) -> None:
    limiter = Limiter()
    await trio.sleep(10)
    began = trio.current_time()
    for _ in range(int(BURST)):
        await limiter.acquire(Urgency.WARM_UP)
    assert trio.current_time() == began
    await limiter.acquire(Urgency.WARM_UP)
    assert trio.current_time() == pytest.approx(began + 1 / MOST_PER_SECOND)


async def test_the_most_urgent_goes_first(autojump_clock: Clock) -> None:
    limiter = Limiter()
    for _ in range(int(BURST)):
        await limiter.acquire(Urgency.WARM_UP)
    limiter.per_second = 1.0
    went: list[Urgency] = []

    async def call(urgency: Urgency) -> None:
        await limiter.acquire(urgency)
        went.append(urgency)

    async with trio.open_nursery() as nursery:
        for urgency in (Urgency.AUDIT, Urgency.RELEASE, Urgency.WARM_UP):
            nursery.start_soon(call, urgency)
        await trio.sleep(0.5)
        nursery.start_soon(call, Urgency.WAITING)  # comes last, goes first
    assert went[0] is Urgency.WAITING
    assert went == sorted(went)


async def test_cancelled_waiter_leaves_the_queue(autojump_clock: Clock) -> None:
    limiter = Limiter()
    for _ in range(int(BURST)):
        await limiter.acquire(Urgency.WARM_UP)
    limiter.per_second = 0.5
    with trio.move_on_after(0.1):
        await limiter.acquire(Urgency.WARM_UP)
    with trio.fail_after(3):
        await limiter.acquire(Urgency.WARM_UP)


async def test_simultaneous_refusals_lower_the_rate_once(autojump_clock: Clock) -> None:
    limiter = Limiter()
    for _ in range(8):
        limiter.refused()
    assert limiter.per_second == MOST_PER_SECOND / 2
