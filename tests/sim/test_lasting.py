"""Faults of a fleet that last, and meet."""

from types import SimpleNamespace

import trio

from sim.fleet.lasting import Lasting


async def test_first_end_leaves_the_other_fault(autojump_clock: object) -> None:
    lasting, thing = Lasting(), SimpleNamespace(latency=0.1)
    seen = []
    async with trio.open_nursery() as tasks:
        tasks.start_soon(lasting.set, thing, "latency", 5.0, 100.0)
        await trio.sleep(10.0)
        tasks.start_soon(lasting.set, thing, "latency", 7.0, 200.0)
        for pause in (10.0, 100.0, 100.0):
            await trio.sleep(pause)
            seen.append(thing.latency)
    assert seen == [7.0, 7.0, 0.1]


async def test_last_end_leaves_the_first_fault(autojump_clock: object) -> None:
    lasting, thing = Lasting(), SimpleNamespace(latency=0.1)
    async with trio.open_nursery() as tasks:
        tasks.start_soon(lasting.set, thing, "latency", 5.0, 100.0)
        await trio.sleep(1.0)
        await lasting.set(thing, "latency", 7.0, 10.0)
        assert thing.latency == 5.0
    assert thing.latency == 0.1


async def test_fault_ends_when_the_last_of_its_kind_does(
    autojump_clock: object,
) -> None:
    lasting, ends = Lasting(), list[float]()
    async with trio.open_nursery() as tasks:
        for seconds in (10.0, 30.0, 20.0):
            tasks.start_soon(
                lasting.keep, "full", lambda: ends.append(trio.current_time()), seconds
            )
    assert ends == [30.0]
