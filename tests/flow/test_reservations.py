"""How reservations end, and that nobody waits for them."""

from random import Random

import pytest
import trio

from sim.cluster import MemoryCluster
from sim.invariants import check_invariants
from sim.world import world
from tests.early import SOON, add, add_at_last, early
from vcnd.core.requests import NSG_IDS
from vcnd.flow.early import RESERVED_SECONDS
from vcnd.model.sandbox import Lease
from vcnd.node import Node

Clock = trio.testing.MockClock


async def test_call_never_waits_for_an_address_that_is_reserved(
    autojump_clock: Clock,
) -> None:
    """The pod whose ADD comes later gets another one, which is told then."""
    w, cluster = world(), MemoryCluster()
    async with early(w, cluster, maximum=4) as node:
        cluster.bind("a")
        await trio.sleep(SOON)
        (address,) = cluster.annotation["a"]
        began = trio.current_time()
        others = [await add(node, f"s{n}") for n in range(4)]
        assert trio.current_time() == began
        assert others[-1].address == address
        await trio.sleep(SOON)
        assert cluster.annotation == {}
        await node.attacher.delete(others[0].key)
        await trio.sleep(31)
        told = dict(cluster.annotation)
        assert told == {"a": (await add(node, "a")).addresses}
        check_invariants(w, node)


@pytest.mark.slow
async def test_pod_that_never_starts_keeps_nothing(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    async with early(w, cluster) as node:
        cluster.bind("a")
        await trio.sleep(RESERVED_SECONDS / 2)
        assert [*cluster.annotation] == ["a"]
        await trio.sleep(RESERVED_SECONDS)
        assert cluster.annotation == {}
        assert node.pool.ledger.reservations.all() == {}
        lease = await add(node, "a")
        await trio.sleep(SOON)
        assert cluster.annotation == {"a": lease.addresses}


@pytest.mark.slow
async def test_refused_pod_gets_nothing_reserved(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    cluster.annotations_of["a"] = {NSG_IDS: "ocid1.networksecuritygroup.x"}
    async with early(w, cluster) as node:
        cluster.bind("a", "b")
        await trio.sleep(1)
        assert [*cluster.annotation] == ["b"]
        # Its request changes: its class has no address yet.
        nsg = "ocid1.networksecuritygroup.oc1.iad.aaa"
        cluster.annotations_of["b"] = {NSG_IDS: nsg}
        cluster.change()
        await trio.sleep(SOON)
        assert cluster.annotation == {}
        assert node.pool.ledger.reservations.all() == {}


@pytest.mark.slow
async def test_released_node_reserves_nothing(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    async with early(w, cluster) as node:
        cluster.bind("a")
        await trio.sleep(SOON)
        await node.release.run()
        await trio.sleep(1)
        assert cluster.annotation == {}
        assert node.pool.ledger.counts().total == 0


class Pods:
    """Pods that are bound, start and end, and strangers that no watch tells."""

    def __init__(self, node: Node, cluster: MemoryCluster, random: Random) -> None:
        self.node, self.cluster, self.random = node, cluster, random
        self.alive: dict[str, Lease | None] = {}
        self.numbers = 0

    async def something_happens(self) -> None:
        self.numbers += 1
        name = self.random.choice([*self.alive]) if self.alive else ""
        lease = self.alive.get(name)
        match self.random.choice(("bind", "start", "start", "tell", "stranger", "end")):
            case "bind" if len(self.alive) < 20:
                self.cluster.bind(f"p{self.numbers}")
                self.alive[f"p{self.numbers}"] = None
            case "stranger" if len(self.alive) < 20:
                stranger = f"s{self.numbers}"
                self.alive[stranger] = await add_at_last(self.node, stranger)
            case "start" if name and lease is None:
                self.alive[name] = await add_at_last(self.node, name)
            case "tell" if lease is not None and name in self.cluster.bound:
                self.cluster.tell(name)
            case "end" if name:
                await self.end(name)

    async def end(self, name: str) -> None:
        lease = self.alive.pop(name)
        if name in self.cluster.bound:
            self.cluster.unbind(name)
        if lease is not None:
            await self.node.attacher.delete(lease.key)

    def check_at_rest(self) -> None:
        """Each pod has its own address, which is told unless its status tells it."""
        kept = self.node.pool.ledger.reservations.all()
        starting = {n for n in self.cluster.bound if self.alive[n] is None}
        assert {*kept} == starting
        for name in self.cluster.bound.keys() - self.cluster.known:
            lease = self.alive[name]
            mine = lease.addresses if lease else kept[name]
            assert self.cluster.annotation[name] == mine
        assert self.node.pool.demand_count == len(self.alive)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
async def test_random_pods_are_told_rightly(autojump_clock: Clock, seed: int) -> None:
    random, w, cluster = Random(seed), world(), MemoryCluster()
    cluster.write_seconds = 0.02
    async with early(w, cluster, cooling_seconds=2.0, maximum=24) as node:
        pods = Pods(node, cluster, random)
        for _ in range(120):
            await pods.something_happens()
            cluster.away = random.random() < 0.05
            if random.random() < 0.5:
                await trio.sleep(random.choice((0.01, 0.1, 3.0)))
            told = [a for some in cluster.annotation.values() for a in some]
            assert len(told) == len({*told})
            check_invariants(w, node)
        cluster.away = False
        await trio.sleep(120)
        check_invariants(w, node)
        pods.check_at_rest()
