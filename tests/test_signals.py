"""Latch, pulse and bell: the tasks that they wake, and the state that they keep."""

import trio
from trio.testing import wait_all_tasks_blocked

from vcnd.signals import Bell, Latch, Pulse


async def test_a_latch_that_was_set_before_is_heard_once() -> None:
    latch = Latch()
    latch.set()
    latch.set()
    await latch.wait()
    with trio.move_on_after(0) as scope:
        await latch.wait()
    assert scope.cancelled_caught


async def test_pulse_wakes_present_waiters_only() -> None:
    pulse, woken = Pulse(), []

    async def waiter(name: str) -> None:
        await pulse.wait()
        woken.append(name)

    pulse.send()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waiter, "a")
        nursery.start_soon(waiter, "b")
        await wait_all_tasks_blocked()
        assert woken == []
        pulse.send()
    assert sorted(woken) == ["a", "b"]


async def test_a_ring_after_the_bell_was_taken_is_not_lost() -> None:
    bell = Bell()
    ring = bell.take()
    bell.ring()
    await ring.wait()
    assert not bell.take().is_set()
    assert bell.take() is bell.take()
