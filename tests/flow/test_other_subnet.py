"""The pod network names another subnet: VNICs of the old one are retired."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from fakeoci.world.resources import Nsg, Subnet, Vnic
from sim.cluster import MemoryCluster
from sim.world import World, add, key, problems, settings, until_warm, world
from vcnd.linux.layout import Layout
from vcnd.linux.vnic_link import VnicLink, class_numbers
from vcnd.model.cause import Cause
from vcnd.model.podnetwork import PodNetwork
from vcnd.model.sandbox import Lease
from vcnd.node import Node

Clock = trio.testing.MockClock
QUICK = settings(audit_seconds=60.0, shrink_after_seconds=60.0, cooling_seconds=1.0)
SMALL = {"private_ips_per_vnic = 64": "private_ips_per_vnic = 6"}


def two_subnets(few: dict[str, str] | None = None) -> World:
    return world(few, bundled="two-classes", blocks=False)


def network(w: World, subnet: str, nsg: str) -> PodNetwork:
    """Return a pod network of a subnet and an NSG."""
    cloud = w.service.world
    return PodNetwork(
        subnet_ids=(cloud.named(Subnet, subnet).id,),
        nsg_ids=(cloud.named(Nsg, nsg).id,),
    )


def ask(w: World, cluster: MemoryCluster, subnet: str, nsg: str) -> None:
    """Let the NativePodNetwork name a subnet and an NSG."""
    cluster.asked = network(w, subnet, nsg)
    cluster.change()


@asynccontextmanager
async def on_pods() -> AsyncIterator[tuple[World, MemoryCluster, Node]]:
    """Run a node of subnet and NSG ``pods``, from when it is warm."""
    w, cluster = two_subnets(), MemoryCluster()
    ask(w, cluster, "pods", "pods")
    async with w.node(QUICK, cluster=cluster) as node:
        await until_warm(node)
        yield w, cluster, node


def subnet_of(w: World, vnic: Vnic) -> str:
    """Return the name of a VNIC's subnet."""
    assert vnic.subnet_id is not None
    return w.service.world.get(Subnet, vnic.subnet_id).display_name


def place_of(w: World, lease: Lease) -> tuple[str, list[str]]:
    """Return the subnet and the NSGs of a lease's VNIC, by their names."""
    cloud, vnic_id = w.service.world, w.secondary()[lease.address].vnic_id
    assert vnic_id is not None
    vnic = cloud.get(Vnic, vnic_id)
    nsgs = [cloud.get(Nsg, x).display_name for x in vnic.nsg_ids or ()]
    return subnet_of(w, vnic), nsgs


def subnets(w: World) -> list[str]:
    """Return the names of the pod VNICs' subnets."""
    return sorted(subnet_of(w, v) for v in w.pod_vnics())


def told(node: Node) -> list[str]:
    return [p.reason for p in problems(node) if p.cause is Cause.RETIRED]


def numbers(node: Node) -> dict[str, int]:
    """Return the numbers by which strict mode tells pods of the VNICs apart."""
    links = [
        VnicLink(index=s.index, ifname=f"e{s.index}", pod_class=s.vnic.pod_class)
        for s in node.pool.vnics.pod_slots
    ]
    return {str(name): n for name, n in class_numbers(Layout(), links).items()}


async def test_pods_after_the_change_get_the_new_subnet_and_nsgs(
    autojump_clock: Clock,
) -> None:
    """I14: their neighbours on the old VNIC are of another class."""
    async with on_pods() as (w, cluster, node):
        old = await add(node, 1)
        assert numbers(node) == {}
        ask(w, cluster, "shop", "blocked-port")
        await trio.sleep(1)
        for n in range(2, 12):
            assert place_of(w, await add(node, n)) == ("shop", ["blocked-port"])
        assert place_of(w, old) == ("pods", ["pods"])
        assert len(numbers(node)) == 2
        (reason,) = told(node)
        there = w.secondary()[old.address].vnic_id
        assert there is not None
        assert there in reason
        # Nothing is held there ahead of need.
        await trio.sleep(600)
        assert sum(p.vnic_id == there for p in w.secondary().values()) == 1


async def test_retired_vnic_is_detached_with_its_last_pod(
    autojump_clock: Clock,
) -> None:
    async with on_pods() as (w, cluster, node):
        await add(node, 1)
        ask(w, cluster, "shop", "blocked-port")
        await trio.sleep(3600)
        assert subnets(w) == ["pods", "shop"]
        await node.attacher.delete(key(1))
        await trio.sleep(600)
        assert subnets(w) == ["shop"]
        assert told(node) == []


async def test_vnic_without_pods_makes_way_for_the_new_subnet(
    autojump_clock: Clock,
) -> None:
    async with on_pods() as (w, cluster, node):
        ask(w, cluster, "shop", "blocked-port")
        await trio.sleep(600)
        assert subnets(w) == ["shop"]
        assert told(node) == []


@pytest.mark.slow
async def test_retired_vnic_serves_again_when_its_subnet_is_named_again(
    autojump_clock: Clock,
) -> None:
    async with on_pods() as (w, cluster, node):
        await add(node, 1)
        (kept,) = w.pod_vnics()
        ask(w, cluster, "shop", "blocked-port")
        await trio.sleep(300)
        ask(w, cluster, "pods", "pods")
        await trio.sleep(600)
        assert [v.id for v in w.pod_vnics()] == [kept.id]
        assert told(node) == []
        assert numbers(node) == {}


@pytest.mark.slow
async def test_retired_vnic_stays_retired_over_a_restart(
    autojump_clock: Clock,
) -> None:
    """Also while the NativePodNetwork is not read yet."""
    async with on_pods() as (w, cluster, node):
        await add(node, 1)
        ask(w, cluster, "shop", "blocked-port")
        await trio.sleep(300)
        kept = numbers(node)
    cluster.is_network_read = False
    async with w.node(QUICK, cluster=cluster) as node:
        await trio.sleep(300)
        assert numbers(node) == kept
        cluster.is_network_read = True
        cluster.change()
        await trio.sleep(300)
        assert numbers(node) == kept
        assert place_of(w, await add(node, 2)) == ("shop", ["blocked-port"])


async def test_subnet_of_the_configuration_counts_after_a_restart(
    autojump_clock: Clock,
) -> None:
    w = two_subnets()
    cloud = w.service.world
    async with w.node(QUICK, subnet=cloud.named(Subnet, "pods").id) as node:
        await until_warm(node)
    async with w.node(QUICK, subnet=cloud.named(Subnet, "shop").id) as node:
        await trio.sleep(1800)
        for n in range(4):
            assert place_of(w, await add(node, n))[0] == "shop"
    assert subnets(w) == ["shop"]


@pytest.mark.slow
async def test_further_subnet_retires_nothing(autojump_clock: Clock) -> None:
    w, cluster = two_subnets(SMALL), MemoryCluster()
    pods, shop = network(w, "pods", "pods"), network(w, "shop", "pods")
    cluster.asked = pods
    async with w.node(QUICK, cluster=cluster) as node:
        await until_warm(node)
        await add(node, 1)
        both = (*shop.subnet_ids, *pods.subnet_ids)
        cluster.asked = PodNetwork(subnet_ids=both, nsg_ids=pods.nsg_ids)
        cluster.change()
        await trio.sleep(600)
        assert subnets(w) == ["pods"]
        assert told(node) == []
