"""Pods with both families, with one of them short, and with either alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network

import pytest
import trio

from fakeoci.world.resources import Ipv6, PrivateIp, Subnet
from sim.cluster import MemoryCluster
from sim.invariants import check_invariants
from sim.world import World, key, settings, until_warm, world
from tests.flow.test_fault_matrix import (
    FAULTS,
    MOST_CALLS_A_MINUTE,
    PODS,
    add_at_last,
    busiest_minute,
    settling_seconds,
)
from vcnd.config import AllowSection
from vcnd.core.requests import FIXED_ADDRESS, IP_FAMILIES
from vcnd.model.errors import PoolEmptyError, RequestRefusedError
from vcnd.model.family import Family
from vcnd.model.podnetwork import PodNetwork
from vcnd.model.sandbox import Lease, PodRef
from vcnd.node import Node

Clock = trio.testing.MockClock
BOTH = (Family.IPV4, Family.IPV6)


def dual(changes: dict[str, str] | None = None) -> World:
    return world(changes, bundled="dual-stack")


@asynccontextmanager
async def warm(
    w: World, *, families: tuple[Family, ...] = BOTH, **pool: float
) -> AsyncIterator[Node]:
    allow = [AllowSection(namespace="shop", fixed_addresses=True)]
    config = settings(allow=allow, cooling_seconds=1.0, **pool)
    async with w.node(config, families=families) as node:
        with trio.fail_after(600):
            while any(not node.pool.counts(f).free for f in families):
                await trio.sleep(0.5)
        yield node


async def add(node: Node, number: int, families: str = "", **more: str) -> Lease:
    annotations = {IP_FAMILIES: families, **more}
    pod = PodRef(namespace="shop", name=f"pod{number}", uid=f"pod{number}")
    lease, _ = await node.attacher.add(key(number), pod, 100 + number, annotations)
    return lease


def ipv6s(w: World) -> set[str]:
    """Return the IPv6 addresses of the pod VNICs."""
    cloud = w.service.world
    return {
        str(address)
        for vnic in w.pod_vnics()
        for p in cloud.addresses_of(vnic.id, Ipv6)
        for address in ip_network(f"{p.ip_address}/{p.prefix_length}")
    }


def check(w: World, node: Node) -> None:
    """Check both families: no address twice, and every address on our VNICs."""
    addresses = [a for x in node.pool.ledger.leases() for a in x.addresses]
    assert len({*addresses}) == len(addresses)
    assert {*addresses} <= w.secondary().keys() | ipv6s(w)


async def test_a_pod_has_an_address_of_each(autojump_clock: Clock) -> None:
    w = dual()
    async with warm(w) as node:
        first, second = await add(node, 1), await add(node, 2)
        prefix = ip_network(w.service.world.named(Subnet, "pods").ipv6_cidr_blocks[0])
        for lease in (first, second):
            assert ip_address(lease.address).version == 4
            assert ip_address(lease.addresses[1]) in prefix
        check(w, node)
        # One VNIC, with an IPv6 block: many addresses cost one object.
        assert len(w.pod_vnics()) == 1
        assert w.calls("CreateIpv6") == 1
        assert w.calls("AttachVnic") == 1


async def test_forty_pods_at_once(autojump_clock: Clock) -> None:
    w = dual()
    async with warm(w) as node:
        async with trio.open_nursery() as calls:
            for number in range(40):
                calls.start_soon(add, node, number)
        assert len(node.pool.ledger.leases()) == 40
        check(w, node)
        assert len(w.pod_vnics()) == 1


async def test_pod_may_request_one_family(autojump_clock: Clock) -> None:
    w = dual()
    async with warm(w) as node:
        four, six = await add(node, 1, "IPv4"), await add(node, 2, "IPv6")
        assert ip_address(four.address).version == 4
        assert ip_address(six.address).version == 6
        assert len(four.addresses) == len(six.addresses) == 1
        reversed_ = await add(node, 3, "IPv6, IPv4")
        assert ip_address(reversed_.address).version == 6
        assert ip_address(reversed_.addresses[1]).version == 4
        check(w, node)


@pytest.mark.slow
@pytest.mark.parametrize("short", BOTH)
async def test_exhausted_family_stops_only_pods_that_request_it(
    autojump_clock: Clock, short: Family
) -> None:
    w = dual()
    async with warm(w, batch=4, buffer_fraction=0.5) as node:
        cloud = w.service.world
        subnet = cloud.named(Subnet, "pods").id
        cloud.space(subnet, PrivateIp if short is Family.IPV4 else Ipv6).exhaust()
        other = BOTH[1 - BOTH.index(short)]
        for number in range(node.pool.counts(short).free):
            await add(node, number)
        with pytest.raises(PoolEmptyError) as refusal:
            await add(node, 50)
        assert short in str(refusal.value)
        assert "LimitExceeded" in str(refusal.value)
        for more in range(100, 120):
            await add(node, more, other)
        with pytest.raises(PoolEmptyError):
            await add(node, 200, short)
        check(w, node)
        calls = w.calls()
        await trio.sleep(3600)
        assert w.calls() - calls < 200  # no busy loop


@pytest.mark.slow
async def test_addresses_of_both_come_back(autojump_clock: Clock) -> None:
    w = dual()
    async with warm(w, shrink_after_seconds=60.0) as node:
        for number in range(30):
            await add(node, number)
        for number in range(30):
            await node.attacher.delete(key(number))
        await trio.sleep(600)
        for family in BOTH:
            counts = node.pool.counts(family)
            assert (counts.leased, counts.cooling) == (0, 0)
        assert len(ipv6s(w)) <= 1 + 16  # the VNIC's own address and one block
        calls = w.calls("CreateIpv6"), w.calls("DeleteIpv6")
        await trio.sleep(3000)
        assert (w.calls("CreateIpv6"), w.calls("DeleteIpv6")) == calls
        await node.release.run()
    assert w.pod_vnics() == []


async def test_a_restart_keeps_both(autojump_clock: Clock) -> None:
    w = dual()
    async with warm(w) as node:
        before = await add(node, 1)
    async with warm(w) as node:
        await trio.sleep(60)
        assert node.pool.ledger.leases() == [before]
        after = await add(node, 2)
        assert {*after.addresses}.isdisjoint(before.addresses)
        check(w, node)
        await node.attacher.delete(key(1))
        await trio.sleep(10)
        assert {node.pool.ledger.state(a) for a in before.addresses} == {"free"}


async def test_ipv6_alone(autojump_clock: Clock) -> None:
    w = dual()
    async with warm(w, families=(Family.IPV6,)) as node:
        lease = await add(node, 1)
        assert [ip_address(a).version for a in lease.addresses] == [6]
        assert w.secondary() == {}
        assert w.calls("ListPrivateIps") == 0
        with pytest.raises(RequestRefusedError, match="have no IPv4"):
            await add(node, 2, "IPv4")


@pytest.mark.slow
async def test_a_vnics_own_ipv6_is_no_pods(autojump_clock: Clock) -> None:
    w = dual()
    async with warm(w) as node:
        await trio.sleep(2000)  # audits run
        slot = node.pool.vnics.pod_slots[0]
        assert slot.vnic.ipv6
        assert node.pool.ledger.private_ip(slot.vnic.ipv6) is None
        assert slot.vnic.ipv6_router.startswith("fe80::")


async def test_a_nodes_ipv6_is_left_alone_where_pods_have_none(
    autojump_clock: Clock,
) -> None:
    w = dual()
    async with warm(w, families=(Family.IPV4,)) as node:
        await trio.sleep(1000)
        for slot in node.pool.vnics.slots.values():
            assert slot.vnic.ipv6 == slot.vnic.ipv6_cidr == slot.vnic.ipv6_router == ""
        assert w.calls("ListIpv6s") == 0


async def test_a_fixed_address_beside_any_ipv6(autojump_clock: Clock) -> None:
    w = dual()
    async with warm(w) as node:
        lease = await add(node, 1, **{FIXED_ADDRESS: "web"})
        assert w.secondary()[lease.address].lifetime == "RESERVED"
        assert ip_address(lease.addresses[1]).version == 6
        with pytest.raises(RequestRefusedError, match="a fixed address is IPv4"):
            await add(node, 2, "IPv6", **{FIXED_ADDRESS: "other"})


@pytest.mark.slow
async def test_subnet_without_ipv6_is_reported(autojump_clock: Clock) -> None:
    w = world()
    async with w.node(settings(), families=BOTH) as node:
        with pytest.raises(PoolEmptyError) as refusal:
            await add(node, 1)
        assert "no CIDR block for Ipv6" in str(refusal.value)
        assert w.pod_vnics() == []


@pytest.mark.slow
async def test_kubernetes_asks_for_the_second_family(autojump_clock: Clock) -> None:
    """VNICs that exist with IPv4 get IPv6 addresses too."""
    w, cluster = dual(), MemoryCluster()
    pods = w.service.world.named(Subnet, "pods").id
    async with w.node(settings(), cluster=cluster) as node:
        await until_warm(node)
        before = w.pod_vnics()[0].id
        cluster.asked = PodNetwork(subnet_ids=(pods,), families=BOTH)
        cluster.change()
        await trio.sleep(120)
        lease = await add_plain(node, 1)
        assert len(lease.addresses) == 2
        assert [v.id for v in w.pod_vnics()] == [before]
        # Without the second family its addresses are released.
        await node.attacher.delete(key(1))
        cluster.asked = PodNetwork(subnet_ids=(pods,))
        cluster.change()
        await trio.sleep(1000)
        assert ipv6s(w) == set()
        check_invariants(w, node)


IPV6_OPERATIONS = [
    ("ListIpv6s", True),
    ("CreateIpv6", True),
    ("BulkCreateIpv6s", False),
    ("BulkDeleteIpv6s", False),
]


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("operation", "blocks"), IPV6_OPERATIONS)
async def test_a_life_under_a_fault_of_ipv6(
    autojump_clock: Clock, operation: str, blocks: bool, fault: str
) -> None:
    w = dual()
    w.blocks = blocks
    w.fault(operation, times=3, **FAULTS[fault])
    config = settings(
        cooling_seconds=1.0, shrink_after_seconds=60.0, audit_seconds=120.0
    )
    async with w.node(config, families=BOTH) as node:
        for number in range(PODS):
            await add_at_last(node, number, seconds=900)
        check(w, node)
        for number in range(PODS):
            await node.attacher.delete(key(number))
        await trio.sleep(settling_seconds(operation, fault))
        books = {a for p in node.pool.ledger.private_ips() for a in p.addresses}
        own = {s.vnic.ipv6 for s in node.pool.vnics.pod_slots}
        assert books == w.secondary().keys() | ipv6s(w) - own
        for family in BOTH:
            counts = node.pool.counts(family)
            assert counts.free == counts.total
        assert not node.pool.problems
    assert busiest_minute(w) <= MOST_CALLS_A_MINUTE
    assert w.calls(operation)


async def add_plain(node: Node, number: int) -> Lease:
    lease, _ = await node.attacher.add(key(number), PodRef(), 100 + number)
    return lease
