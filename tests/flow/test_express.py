"""The express lane as vcndctl shows and switches it."""

import trio

from sim.world import world
from tests.shop import add, shop, warm
from vcnd.core.requests import EXPRESS
from vcnd.model.cause import Cause, Fault
from vcnd.model.express import ExpressState

Clock = trio.testing.MockClock


async def test_report_shows_the_lane(autojump_clock: Clock) -> None:
    w = world()
    why = Fault(Cause.KERNEL_REFUSED, "bpf(2): Operation not permitted")
    w.host.express_state = ExpressState(on=False, why=why, express_packets=7)
    async with w.node() as node:
        shown = (await node.report()).express
        assert (shown.on, shown.cause, shown.reason) == (False, why.cause, why.reason)
        assert shown.express_packets == 7


async def test_the_switch_answers_with_the_new_state(autojump_clock: Clock) -> None:
    async with world().node() as node:
        for on in (False, True):
            shown = await node.switch_express(on=on)
            assert shown.on is on
            assert (shown.cause is None) is on
            assert (await node.report()).express == shown


async def test_report_names_the_pods_that_stay_out(autojump_clock: Clock) -> None:
    async with warm(shop()) as node:
        await add(node, 1, {})
        await add(node, 2, {EXPRESS: "false"})
        leases = (await node.report()).leases
        assert [lease.express for lease in leases] == [True, False]
