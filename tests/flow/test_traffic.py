"""Which pod sends what, given the kernel's counts."""

from collections.abc import Collection, Mapping, Sequence

import trio

from sim.world import add, key, until_warm, world
from vcnd.flow.traffic import MOST_FLOWS, Traffic
from vcnd.model.traffic import FlowsShown, LinkCounters

Clock = trio.testing.MockClock
COUNTED = LinkCounters(
    received_packets=1, sent_packets=2, received_bytes=3, sent_bytes=4
)


class Kernel:
    """Counts as a test sets it."""

    def __init__(self, names: Collection[str], flows: Sequence[FlowsShown]) -> None:
        self.names, self.flows = names, flows

    async def links(self) -> Mapping[str, LinkCounters]:
        return dict.fromkeys(self.names, COUNTED)

    async def connections(
        self, addresses: Collection[str], most: int
    ) -> Sequence[FlowsShown]:
        ends = set(addresses)
        return [x for x in self.flows if ends & {x.source, x.destination}][:most]


def flow(source: str, destination: str, connections: int) -> FlowsShown:
    return FlowsShown(
        source=source,
        destination=destination,
        protocol=6,
        port=80,
        connections=connections,
    )


async def test_counters_are_the_pods_own(autojump_clock: Clock) -> None:
    w = world()
    async with w.node() as node:
        await until_warm(node)
        await add(node, 1)
        await add(node, 2)
        kernel = Kernel([w.host.host_ifname(key(1)), "eth0"], [])
        traffic = Traffic(pool=node.pool, kernel=kernel, express=w.host.express)
        (pod,) = (await traffic.counters()).pods
        assert pod.pod == "/pod1"
        # What the link has received, the pod has sent.
        assert (pod.counters.sent_packets, pod.counters.received_bytes) == (1, 4)


async def test_connections_are_named_and_ordered(autojump_clock: Clock) -> None:
    w = world()
    async with w.node() as node:
        await until_warm(node)
        one, two = (await add(node, 1)).address, (await add(node, 2)).address
        flows = [flow(one, "8.8.8.8", 1), flow(one, two, 7), flow("9.9.9.9", "8.8", 9)]
        traffic = Traffic(
            pool=node.pool, kernel=Kernel([], flows), express=w.host.express
        )
        answer = await traffic.flows()
        ends = [(x.source_pod, x.destination_pod) for x in answer.flows]
        assert ends == [("/pod1", "/pod2"), ("/pod1", "")]
        assert not answer.left_out
        many = Kernel([], [flows[0]] * MOST_FLOWS)
        crowded = Traffic(pool=node.pool, kernel=many, express=w.host.express)
        assert (await crowded.flows()).left_out
