"""VNICs make way seldom where it does not help: OCI refuses, or no room is gained."""

from collections.abc import Callable
from typing import Any

import pytest
import trio

from fakeoci.world.resources import Subnet
from sim.cluster import MemoryCluster
from sim.world import World, key
from tests.shop import FEW, ONE, TWO, add, bind, ids, shop, warm
from vcnd.core.requests import FIXED_ADDRESS, NSG_IDS, SUBNET_IDS
from vcnd.model.errors import VcndError
from vcnd.node import Node

pytestmark = pytest.mark.slow

Clock = trio.testing.MockClock
TINY = {"10.1.16.0/24": "10.1.16.0/30"}
"""The second subnet has one usable address."""
MOST_IN_AN_HOUR = 5
"""How many VNICs make way in vain: the pauses grow from two minutes."""
GONE = "ocid1.networksecuritygroup.oc1.iad.gone"
NO_RIGHT: dict[str, Any] = {
    "status": 404,
    "code": "NotAuthorizedOrNotFound",
    "times": None,
}


def both_subnets(w: World) -> str:
    """Return the shop's subnet, and the pods' as the second choice."""
    return f"{ids(w)[0]},{w.service.world.named(Subnet, 'pods').id}"


async def wait_of(node: Node, number: int, annotations: dict[str, str]) -> float:
    """Add a pod, again and again as kubelet does; return how long it took."""
    began = trio.current_time()
    while trio.current_time() - began < 7200:
        try:
            await add(node, number, annotations)
        except VcndError:
            await trio.sleep(5)
        else:
            break
    return trio.current_time() - began


async def test_vnic_that_cannot_be_detached_serves_its_pods(
    autojump_clock: Clock,
) -> None:
    w, cluster = shop(ONE), MemoryCluster()
    _, nsg = ids(w)
    async with warm(w, cluster=cluster) as node:
        w.fault("DetachVnic", **NO_RIGHT)
        bind(cluster, b={NSG_IDS: nsg})
        waits = []
        for number in range(10, 30):
            await trio.sleep(300)
            waits.append(await wait_of(node, number, {}))
            await trio.sleep(20)
            await node.attacher.delete(key(number))
        assert max(waits) < 120
        assert waits.count(0) > 14


async def test_vnics_that_cannot_be_detached_are_tried_one_by_one(
    autojump_clock: Clock,
) -> None:
    w = shop({"ocpus = 4.0": "ocpus = 4.0\nprivate_ips_per_vnic = 3"})
    w.blocks, cluster = False, MemoryCluster()
    _, nsg = ids(w)
    async with warm(w, cluster=cluster, minimum=9) as node:
        await trio.sleep(60)
        w.fault("DetachVnic", **NO_RIGHT)
        bind(cluster, b={NSG_IDS: nsg})
        for _ in range(60):
            await trio.sleep(5)
            assert len(node.pool.vnics.detaching) <= 1


def full_subnet(w: World) -> dict[str, dict[str, str]]:
    subnet, nsg = ids(w)
    return {"a": {SUBNET_IDS: subnet, NSG_IDS: nsg}, "b": {SUBNET_IDS: subnet}}


def no_addresses(w: World) -> dict[str, dict[str, str]]:
    subnet, nsg = ids(w)
    for operation in ("CreatePrivateIp", "BulkCreatePrivateIps"):
        w.fault(operation, **NO_RIGHT)
    return {"a": {NSG_IDS: nsg}, "b": {SUBNET_IDS: subnet}}


def fixed_address_of_a_full_subnet(w: World) -> dict[str, dict[str, str]]:
    subnet, nsg = ids(w)
    w.service.world.space(subnet).take_any()
    return {"a": {SUBNET_IDS: both_subnets(w), NSG_IDS: nsg, FIXED_ADDRESS: "x"}}


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        (ONE | TINY, full_subnet),
        (ONE, no_addresses),
        (TWO | TINY, fixed_address_of_a_full_subnet),
        (TINY, fixed_address_of_a_full_subnet),
    ],
)
async def test_vnics_change_seldom_if_no_pod_gets_an_address(
    autojump_clock: Clock,
    changes: dict[str, str],
    asked: Callable[[World], dict[str, dict[str, str]]],
) -> None:
    w, cluster = shop(changes), MemoryCluster()
    async with warm(w, cluster=cluster):
        bind(cluster, **asked(w))
        await trio.sleep(3600)
        assert w.calls("DetachVnic") <= MOST_IN_AN_HOUR


async def test_vnics_stay_while_fixed_addresses_are_elsewhere(
    autojump_clock: Clock,
) -> None:
    w, cluster = shop(ONE, nodes=2), MemoryCluster()
    _, nsg = ids(w)
    async with warm(w, cluster=cluster), warm(w.beside("node2")) as two:
        await add(two, 1, {FIXED_ADDRESS: "web"})
        await add(two, 2, {FIXED_ADDRESS: "db"})
        bind(cluster, a={FIXED_ADDRESS: "web"}, b={FIXED_ADDRESS: "db", NSG_IDS: nsg})
        await trio.sleep(3600)
        assert w.calls("DetachVnic") <= MOST_IN_AN_HOUR


async def test_new_vnic_stays_for_the_pod_that_waits_for_it(
    autojump_clock: Clock,
) -> None:
    w = shop(ONE)
    subnet, nsg = ids(w)
    async with warm(w) as node, trio.open_nursery() as tasks:

        async def later() -> None:
            await trio.sleep(2)
            with pytest.raises(VcndError):
                await add(node, 2, {SUBNET_IDS: subnet})

        tasks.start_soon(later)
        began = trio.current_time()
        await add(node, 1, {NSG_IDS: nsg})
        assert trio.current_time() - began < 10


async def test_slot_goes_to_the_pod_that_lacks_it(autojump_clock: Clock) -> None:
    """The own class, which sorts first, has a pod too that never starts."""
    w, cluster = shop(FEW), MemoryCluster()
    w.blocks = False
    _, nsg = ids(w)
    async with warm(w, cluster=cluster):
        await trio.sleep(60)
        bind(cluster, own={}, b={NSG_IDS: nsg})
        await trio.sleep(3600)
        assert w.calls("DetachVnic") == 1
        assert [nsg] in [v.nsg_ids for v in w.pod_vnics()]


async def test_vnic_of_a_full_subnet_counts_as_full(autojump_clock: Clock) -> None:
    w, cluster = shop(TWO | TINY), MemoryCluster()
    _, nsg = ids(w)
    asked = {SUBNET_IDS: both_subnets(w), NSG_IDS: nsg}
    async with warm(w, cluster=cluster) as node:
        bind(cluster, a=asked)
        await trio.sleep(600)
        assert await wait_of(node, 1, asked) < 60


async def test_class_that_is_refused_takes_the_slot_seldom(
    autojump_clock: Clock,
) -> None:
    w, cluster = shop(ONE), MemoryCluster()
    async with warm(w, cluster=cluster) as node:
        bind(cluster, b={NSG_IDS: GONE})
        for number in range(10, 16):
            await trio.sleep(600)
            await add(node, number, {})
            await trio.sleep(20)
            await node.attacher.delete(key(number))
        assert w.calls("DetachVnic") <= MOST_IN_AN_HOUR


async def test_probe_of_a_full_vnic_changes_no_slots(autojump_clock: Clock) -> None:
    w, cluster = shop({"10.1.16.0/24": "10.1.16.0/29"}), MemoryCluster()
    w.blocks = False
    subnet, nsg = ids(w)
    async with warm(w, cluster=cluster) as node:
        for number in range(4):  # the subnet is full then
            await add(node, number, {SUBNET_IDS: subnet})
        await add(node, 5, {NSG_IDS: nsg})
        await trio.sleep(30)
        for operation in ("CreatePrivateIp", "BulkCreatePrivateIps"):
            w.fault(operation, "slow", seconds=2.0, times=None)
        bind(cluster, late={SUBNET_IDS: subnet})
        for number in range(100, 820):
            await trio.sleep(5)
            await add(node, number, {NSG_IDS: nsg})
            await node.attacher.delete(key(number))
        assert w.calls("DetachVnic") <= 1


async def test_pod_of_a_class_whose_vnic_is_on_its_way_waits(
    autojump_clock: Clock,
) -> None:
    w = shop(ONE | {"attach_seconds = 2.0": "attach_seconds = 15.0"})
    _, nsg = ids(w)
    async with warm(w) as node, trio.open_nursery() as tasks:
        tasks.start_soon(add, node, 1, {NSG_IDS: nsg})
        await trio.sleep(5)
        node.pool.signals.request_audit()  # it counts the new VNIC
        await trio.sleep(1)
        await add(node, 2, {NSG_IDS: nsg})


async def test_pods_that_come_and_go_do_not_end_the_pause(
    autojump_clock: Clock,
) -> None:
    w, cluster = shop(ONE), MemoryCluster()
    async with warm(w, cluster=cluster) as node:
        for number in range(20):
            bind(cluster, **{f"b{number}": {NSG_IDS: GONE}})
            await trio.sleep(60)
            del cluster.bound[f"b{number}"]
            cluster.change()
            await trio.sleep(10)
            await add(node, number, {})
            await trio.sleep(10)
            await node.attacher.delete(key(number))
            await trio.sleep(100)
        assert w.calls("DetachVnic") <= MOST_IN_AN_HOUR


async def test_vnic_without_addresses_makes_way_again(autojump_clock: Clock) -> None:
    """Its subnet has room for the VNIC's own address only."""
    w, cluster = shop(ONE | TINY), MemoryCluster()
    subnet, _ = ids(w)
    async with warm(w, cluster=cluster) as node:
        bind(cluster, a={SUBNET_IDS: subnet})
        await trio.sleep(300)
        assert await wait_of(node, 1, {}) < 60


async def test_fixed_address_gets_a_slot_when_its_subnet_has_room(
    autojump_clock: Clock,
) -> None:
    """The class has a VNIC in its second subnet, and another class is refused."""
    w, cluster = shop(), MemoryCluster()
    subnet, nsg = ids(w)
    asked = {SUBNET_IDS: both_subnets(w), NSG_IDS: nsg}
    space = w.service.world.space(subnet)
    space.exhaust()
    async with warm(w, cluster=cluster) as node:
        await add(node, 1, asked)
        await trio.sleep(400)
        space.relieve()
        bind(cluster, c={NSG_IDS: GONE})
        await trio.sleep(10)
        assert await wait_of(node, 9, asked | {FIXED_ADDRESS: "x"}) < 60


async def test_vnic_for_a_fixed_address_stays_until_it_comes(
    autojump_clock: Clock,
) -> None:
    """The address is with a pod of another node, and the first VNIC is full."""
    w = shop({"ocpus = 4.0": "ocpus = 4.0\nprivate_ips_per_vnic = 4"}, nodes=2)
    cluster, other = MemoryCluster(), w.beside("node2")
    w.blocks = other.blocks = False
    less = {"minimum": 4, "buffer_fraction": 0.0}
    async with warm(w, cluster=cluster, **less) as node, warm(other) as two:
        await add(two, 1, {FIXED_ADDRESS: "web"})
        for number in range(10, 15):
            await add(node, number, {})
        await node.attacher.delete(key(14))
        await trio.sleep(600)
        space = w.service.world.space(w.service.world.named(Subnet, "pods").id)
        for _ in range(3800):  # few are left: nodes give back at once
            space.take_any()
        await trio.sleep(600)
        before = w.calls("DetachVnic")
        bind(cluster, a={FIXED_ADDRESS: "web"})
        await trio.sleep(3000)
        assert w.calls("DetachVnic") == before
