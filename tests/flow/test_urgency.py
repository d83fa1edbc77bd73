"""The urgency of each kind of work, as the cloud gets it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from sim.cluster import MemoryCluster
from sim.noting import Heard, noting
from sim.world import World, add, key, settings, until_warm, world
from tests.shop import EVERYTHING, pod, shop
from vcnd.core.requests import FIXED_ADDRESS
from vcnd.model.urgency import Urgency
from vcnd.node import Node

Clock = trio.testing.MockClock
GROWTH = {"attach_vnic", "create_block", "create_addresses", "fetch_fixed"}


@asynccontextmanager
async def warm(
    w: World, heard: Heard, cluster: MemoryCluster | None = None
) -> AsyncIterator[Node]:
    """Run a warm node, and clear the calls that made it so."""
    config = settings(
        allow=[EVERYTHING], cooling_seconds=1.0, shrink_after_seconds=30.0
    )
    async with w.node(config, cluster=cluster, through=noting(heard)) as node:
        await until_warm(node)
        await trio.sleep(5)
        heard.clear()
        yield node


async def until(met: Callable[[], bool]) -> None:
    with trio.fail_after(600):
        while not met():
            await trio.sleep(0.5)


def growth(heard: Heard) -> set[Urgency | None]:
    return {urgency for method, urgency in heard if method in GROWTH}


async def test_first_audit_is_urgent_and_later_ones_are_not(
    autojump_clock: Clock,
) -> None:
    w, heard = world(), Heard()
    async with w.node(through=noting(heard)) as node:
        await until_warm(node)
        assert ("observe", Urgency.WAITING) in heard
        assert ("observe", Urgency.AUDIT) not in heard
        heard.clear()
        await trio.sleep(1000)
        assert heard - {("subnet_use", Urgency.AUDIT)} == {("observe", Urgency.AUDIT)}


async def test_the_pool_is_filled_ahead_of_need(autojump_clock: Clock) -> None:
    w, heard = world(), Heard()
    async with w.node(through=noting(heard)) as node:
        await until_warm(node)
        assert growth(heard) == {Urgency.WARM_UP}


async def test_a_bound_pod_is_more_urgent(autojump_clock: Clock) -> None:
    w, heard, cluster = world(), Heard(), MemoryCluster()
    async with warm(w, heard, cluster) as node:
        cluster.bind(*(f"pod{n}" for n in range(20)))
        await until_warm(node, 20)
        assert growth(heard) == {Urgency.DEMAND}


async def test_a_waiting_add_is_the_most_urgent(autojump_clock: Clock) -> None:
    w, heard = world(), Heard()
    async with warm(w, heard) as node:
        async with trio.open_nursery() as calls:
            for number in range(20):
                calls.start_soon(add, node, number)
        assert Urgency.WAITING in growth(heard)
        assert growth(heard) <= {Urgency.WAITING, Urgency.WARM_UP}


async def test_releases_are_less_urgent(autojump_clock: Clock) -> None:
    w, heard = world(), Heard()
    async with warm(w, heard) as node:
        for number in range(20):
            await add(node, number)
        for number in range(20):
            await node.attacher.delete(key(number))
        await until(lambda: ("delete_addresses", Urgency.RELEASE) in heard)
        heard.clear()
        await node.release.run()
        assert heard == {("detach_vnic", Urgency.RELEASE)}


async def test_fixed_address_is_fetched_urgently_and_released_late(
    autojump_clock: Clock,
) -> None:
    w, heard = shop(), Heard()
    async with warm(w, heard) as node:
        await node.attacher.add(key(1), pod("web"), 101, {FIXED_ADDRESS: "web"})
        assert ("fetch_fixed", Urgency.WAITING) in heard
        await node.attacher.delete(key(1))
        await until(lambda: ("release_fixed", Urgency.RELEASE) in heard)


async def test_corrections_are_the_least_urgent(autojump_clock: Clock) -> None:
    w, heard = world(), Heard()
    async with warm(w, heard) as node:
        (vnic,) = w.pod_vnics()
        vnic.nsg_ids, vnic.freeform_tags = [], {}
        node.pool.signals.request_audit()
        await until(lambda: {"set_nsgs", "tag_vnic"} <= {method for method, _ in heard})
        assert {urgency for _, urgency in heard} == {Urgency.AUDIT}


async def test_each_api_call_has_an_urgency(autojump_clock: Clock) -> None:
    w, heard, cluster = world(), Heard(), MemoryCluster()
    async with w.node(cluster=cluster, through=noting(heard)) as node:
        await until_warm(node)
        await trio.sleep(1000)
        # This reads only the metadata service.
        assert {m for m, urgency in heard if urgency is None} == {"instance_id"}
