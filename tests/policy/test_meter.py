"""Numbers of what the process did."""

import trio
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from trio.testing import MockClock

from sim.policy.host import FakeHost
from tests.policy.engines import CLUSTER, HERE, ISOLATING, FakeSource
from vcnd.policy.engine import AGAIN_SECONDS, Engine
from vcnd.policy.meter import BUCKETS, Meter


@given(st.lists(st.floats(0, 100)))
def test_each_change_is_in_all_buckets_from_its_own_on(seconds: list[float]) -> None:
    meter = Meter()
    for each in seconds:
        meter.applied(each)
    counts = [count for _, count in meter.cumulative()]
    ends = [*BUCKETS, float("inf")]
    assert counts == [sum(x <= end for x in seconds) for end in ends]
    assert meter.apply_seconds == sum(seconds)


async def test_an_add_that_gives_up_is_counted_so(autojump_clock: MockClock) -> None:
    meter = Meter()
    for answer_seconds in (1, 5):
        with trio.move_on_after(2), meter.admitting():
            await trio.sleep(answer_seconds)
    assert meter.admits == {"ok": 1, "hung_up": 1}


async def test_what_happens_to_rules_is_counted(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    source, host, meter = FakeSource(CLUSTER), FakeHost(HERE), Meter()
    nursery.start_soon(Engine(source, host, meter=meter).run)
    await trio.sleep(1)
    host.refuses = True
    source.change(replace(CLUSTER, policies=(ISOLATING,)))
    await trio.sleep(1)
    host.refuses = False
    await trio.sleep(AGAIN_SECONDS)
    assert meter.refusals == 1
    # The second change waited for its second try.
    within = dict(meter.cumulative())
    assert (within["0.025"], within["2.5"], within["10.0"]) == (1, 1, 2)
    host.lost.set()
    await trio.sleep(1)
    assert meter.restored == 1
