"""Problems of the node itself are reported like all others."""

import trio

from sim.world import until_warm, world
from vcnd.flow import status
from vcnd.model.cause import Cause, Fault
from vcnd.model.place import Place, PlaceKind

CHAIN = Place(kind=PlaceKind.FIREWALL, name="ip filter FORWARD")
FORWARD = Place(kind=PlaceKind.SETTINGS, name="net.ipv4.ip_forward")


async def test_a_problem_of_the_node_comes_and_goes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    w = world()
    w.host.set_problems({CHAIN: Fault(Cause.PACKETS_DROPPED, "drops")})
    async with w.node() as node:
        await until_warm(node)

        def told() -> dict[str, tuple[str, str]]:
            found = status.problems(node.pool)
            return {p.what: (p.cause, p.reason) for p in found}

        assert told() == {"firewall ip filter FORWARD": ("packets_dropped", "drops")}
        w.host.set_problems({FORWARD: Fault(Cause.FORWARDING_OFF, "is 0")})
        await trio.sleep(1)
        assert told() == {"setting net.ipv4.ip_forward": ("forwarding_off", "is 0")}
        w.host.set_problems({})
        await trio.sleep(1)
        assert told() == {}
