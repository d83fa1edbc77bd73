"""Numbers of what the process did."""

from itertools import accumulate

import trio
from msgspec.structs import replace
from trio.testing import MockClock

from sim.policy.host import FakeHost
from tests.policy.engines import CLUSTER, HERE, ISOLATING, FakeSource
from vcnd.policy.engine import AGAIN_SECONDS, Engine
from vcnd.policy.meter import ENDS, Meter


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
    counts = dict(zip(ENDS, accumulate(meter.apply.sample().counts), strict=False))
    assert (counts[0.025], counts[2.5], counts[10.0]) == (1, 1, 2)
    host.lost.set()
    await trio.sleep(1)
    assert meter.restored == 1
