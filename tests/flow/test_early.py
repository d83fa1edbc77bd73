"""A pod's addresses are told when it is bound, before its ADD."""

import pytest
import trio

from sim.cluster import MemoryCluster
from sim.invariants import check_invariants
from sim.world import problems, world
from tests.early import SOON, add, early, names, pod, sandbox
from vcnd.config import AllowSection, PolicySection
from vcnd.core.requests import FIXED_ADDRESS
from vcnd.flow.early import STALE_SECONDS
from vcnd.log import log
from vcnd.model.family import Family

Clock = trio.testing.MockClock


async def test_pod_gets_the_address_that_was_told_when_it_was_bound(
    autojump_clock: Clock,
) -> None:
    w, cluster = world(), MemoryCluster()
    async with early(w, cluster) as node:
        cluster.bind("a")
        await trio.sleep(SOON)
        told = dict(cluster.annotation)
        assert [*told] == ["a"]
        assert node.pool.demand_count == 1
        lease = await add(node, "a")
        assert told == {"a": lease.addresses}
        assert node.pool.demand_count == 1
        await trio.sleep(1)
        assert len(cluster.early_writes) == 1
        check_invariants(w, node)


@pytest.mark.parametrize(
    "policy",
    [
        PolicySection(enforcement="off"),
        PolicySection(enforcement="strict", early_addresses=False),
    ],
)
@pytest.mark.slow
async def test_nothing_is_reserved_or_told_where_it_is_off(
    autojump_clock: Clock, policy: PolicySection
) -> None:
    w, cluster = world(), MemoryCluster()
    async with early(w, cluster, policy=policy) as node:
        cluster.bind("a", "b")
        await trio.sleep(60)
        assert node.pool.ledger.reservations.all() == {}
        assert cluster.early_writes == []


@pytest.mark.slow
async def test_burst_of_pods_takes_few_writes(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    cluster.write_seconds = 0.01
    async with early(w, cluster, batch=16) as node:
        for name in names(12):
            cluster.bind(name)
            await trio.sleep(0.005)
        await trio.sleep(SOON)
        told = dict(cluster.annotation)
        assert {*told} == {*names(12)}
        assert len(cluster.early_writes) <= 6
        for name in reversed(names(12)):
            assert (await add(node, name)).addresses == told[name]
        check_invariants(w, node)


@pytest.mark.slow
async def test_entries_that_nobody_reads_go_with_the_next_write(
    autojump_clock: Clock,
) -> None:
    w, cluster = world(), MemoryCluster()
    async with early(w, cluster) as node:
        cluster.bind("a")
        await trio.sleep(SOON)
        await add(node, "a")
        cluster.tell("a")
        await trio.sleep(10)
        assert ([*cluster.annotation], len(cluster.early_writes)) == (["a"], 1)
        cluster.bind("b")
        await trio.sleep(SOON)
        assert ([*cluster.annotation], len(cluster.early_writes)) == (["b"], 2)
        cluster.unbind("b")
        await trio.sleep(STALE_SECONDS / 2)
        assert len(cluster.early_writes) == 2
        assert node.pool.ledger.reservations.all() == {}
        await trio.sleep(STALE_SECONDS)
        assert (cluster.annotation, len(cluster.early_writes)) == ({}, 3)
        await trio.sleep(3600)
        assert len(cluster.early_writes) == 3


@pytest.mark.slow
async def test_address_that_differs_from_what_was_told_is_told_again(
    autojump_clock: Clock,
) -> None:
    w, cluster = world(blocks=False), MemoryCluster()
    async with early(w, cluster) as node:
        cluster.bind("a")
        await trio.sleep(SOON)
        (address,) = cluster.annotation["a"]
        behind = node.pool.ledger.private_ip(address)
        assert behind is not None
        with log.collected() as events:
            node.pool.ledger.doubt(behind)
            lease = await add(node, "a")
            await trio.sleep(SOON)
        assert lease.address != address
        assert cluster.annotation == {"a": lease.addresses}
        (event,) = [e for e in events if e["event"] == "early_addresses_changed"]
        assert (event["before"], event["now"]) == ([address], [lease.address])


@pytest.mark.slow
async def test_pods_are_served_while_the_api_server_is_away(
    autojump_clock: Clock,
) -> None:
    w, cluster = world(), MemoryCluster()
    async with early(w, cluster) as node:
        cluster.away = True
        cluster.bind("a", "b")
        lease = await add(node, "a")
        await trio.sleep(20)
        assert cluster.annotation == {}
        assert [p.what for p in problems(node)] == ["Kubernetes writes"]
        cluster.away = False
        await trio.sleep(60)
        assert cluster.annotation["a"] == lease.addresses
        assert (await add(node, "b")).addresses == cluster.annotation["b"]
        assert problems(node) == []


@pytest.mark.slow
async def test_next_life_reserves_what_was_told(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    async with early(w, cluster):
        cluster.bind("x")
        await trio.sleep(SOON)
        cluster.bind("a", "b")
        await trio.sleep(SOON)
        cluster.unbind("x")
    told, writes = dict(cluster.annotation), len(cluster.early_writes)
    async with early(w, cluster) as node:
        await trio.sleep(1)
        assert (dict(cluster.annotation), len(cluster.early_writes)) == (told, writes)
        assert (await add(node, "b")).addresses == told["b"]
        assert (await add(node, "a")).addresses == told["a"]


@pytest.mark.slow
async def test_pod_whose_sandbox_is_made_again_is_told_again(
    autojump_clock: Clock,
) -> None:
    w, cluster = world(), MemoryCluster()
    async with early(w, cluster) as node:
        cluster.bind("a")
        await trio.sleep(SOON)
        first = await add(node, "a")
        await node.attacher.delete(first.key)
        again, _ = await node.attacher.add(sandbox("a again"), pod("a"), 7)
        await trio.sleep(SOON)
        assert again.addresses != first.addresses
        assert cluster.annotation == {"a": again.addresses}


@pytest.mark.slow
async def test_fixed_address_is_told_once_it_is_here(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    allow = [AllowSection(namespace="default", fixed_addresses=True)]
    cluster.annotations_of["a"] = {FIXED_ADDRESS: "web"}
    async with early(w, cluster, allow=allow) as node:
        cluster.bind("a")
        await trio.sleep(30)
        told = dict(cluster.annotation)
        assert (await add(node, "a")).addresses == told["a"]
        (private_ip,) = [p for p in node.pool.ledger.private_ips() if p.fixed]
        assert told == {"a": (private_ip.address,)}


@pytest.mark.slow
async def test_both_families_are_told(autojump_clock: Clock) -> None:
    w, cluster = world(bundled="dual-stack"), MemoryCluster()
    families = [Family.IPV4, Family.IPV6]
    async with early(w, cluster, families=families) as node:
        with trio.fail_after(600):
            while any(not node.pool.counts(f).free for f in families):
                await trio.sleep(0.5)
        cluster.bind("a")
        await trio.sleep(SOON)
        lease = await add(node, "a")
        assert [*lease.families.values()] == families
        assert cluster.annotation == {"a": lease.addresses}
