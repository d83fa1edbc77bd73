"""A problem begins and ends with its cause, and has an age."""

import pytest
import trio

from fakeoci.world.resources import Instance, Subnet
from sim.cluster import MemoryCluster
from sim.world import add, problems, settings, until_warm, world
from tests.shop import ids, pod, shop, warm
from vcnd.core.requests import FIXED_ADDRESS, NSG_IDS
from vcnd.flow.reasons import why_empty
from vcnd.model.errors import PoolEmptyError
from vcnd.model.family import Family
from vcnd.model.ids import PrivateIpId, VnicId
from vcnd.model.podnetwork import PodNetwork
from vcnd.model.request import PodRequest
from vcnd.model.sandbox import BoundPod
from vcnd.model.vnic import PrivateIp, Vnic
from vcnd.node import Node

Clock = trio.testing.MockClock
BOTH = (Family.IPV4, Family.IPV6)


def reasons(node: Node) -> str:
    return "\n".join(p.reason for p in problems(node))


@pytest.mark.slow
async def test_an_ipv6_limit_proven_leaves_the_ipv4_problem(
    autojump_clock: Clock,
) -> None:
    w = world(bundled="dual-stack")
    async with w.node(settings(), families=BOTH) as node:
        await until_warm(node)
        await trio.sleep(60)
        (slot,) = node.pool.vnics.pod_slots
        for operation in ("CreatePrivateIp", "BulkCreatePrivateIps"):
            w.fault(operation, status=500, code="FOUR", times=10_000)
        for operation in ("CreateIpv6", "BulkCreateIpv6s"):
            w.fault(operation, status=400, code="LimitExceeded", times=10_000)
        for number in range(16):
            with trio.move_on_after(5):
                await add(node, number)
        await trio.sleep(100)
        assert "FOUR" in reasons(node)
        limits, now = node.pool.limits[Family.IPV6], trio.current_time()
        limits.vnic_refused(slot.vnic.id, slot.vnic.subnet_id, 1, now)
        # Another VNIC of the subnet gets an IPv6 address: the limit is proven.
        other = Vnic(
            id=VnicId("ocid1.vnic.other"),
            mac="02:00:17:00:00:99",
            address="10.1.0.99",
            subnet_id=slot.vnic.subnet_id,
            subnet_cidr=slot.vnic.subnet_cidr,
            virtual_router=slot.vnic.virtual_router,
        )
        node.pool.vnics.add(other)
        six = PrivateIp(
            id=PrivateIpId("ocid1.ipv6.x"),
            address="2603:c020:0:1::99",
            vnic_id=other.id,
        )
        await node._changes.record_addresses([six])
        assert "FOUR" in reasons(node)
        assert "no room left" not in reasons(node)


@pytest.mark.slow
async def test_a_shape_problem_goes_with_the_demand(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    w.service.world.named(Instance, "node1").max_vnic_attachments = 1
    async with w.node(cluster=cluster, config=settings(audit_seconds=20.0)) as node:
        await trio.sleep(300)
        (found,) = problems(node)
        assert "shape" in found.reason
        assert found.since_seconds > 200
        w.service.world.named(Instance, "node1").max_vnic_attachments = 4
        await until_warm(node)
        await trio.sleep(60)
        assert problems(node) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operation", "status", "code", "expected"),
    [
        # The VNIC has no address yet, so the subnet is full.
        ("CreatePrivateIp", 400, "LimitExceeded", ("addresses", "subnet_full")),
        ("AttachVnic", 400, "LimitExceeded", ("attach", "limit_reached")),
        ("AttachVnic", 400, "QuotaExceeded", ("attach", "quota_exceeded")),
        ("AttachVnic", 403, "NotAllowed", ("attach", "not_authorized")),
        ("AttachVnic", 429, "TooManyRequests", ("attach", "throttled")),
        ("GetVnic", 404, "NotAuthorizedOrNotFound", ("audit", "not_listed")),
    ],
)
async def test_a_problem_has_a_cause(
    autojump_clock: Clock,
    operation: str,
    status: int,
    code: str,
    expected: tuple[str, str],
) -> None:
    w, cluster = world(), MemoryCluster()
    w.fault(operation, status=status, code=code, times=10_000)
    w.fault("BulkCreatePrivateIps", status=400, code="LimitExceeded", times=10_000)
    async with w.node(cluster=cluster) as node:
        await trio.sleep(200)
        assert {(p.kind, p.cause) for p in problems(node)} == {expected}
        assert f": {expected[1]}: " in why_empty(node.pool)
        with pytest.raises(PoolEmptyError) as caught:
            await add(node, 1)
        assert caught.value.cause == expected[1]


async def test_a_kernel_problem_goes_with_the_next_audit(
    autojump_clock: Clock,
) -> None:
    w = world()
    w.host.refusals = 3
    async with w.node() as node:
        assert "nft" in reasons(node)
        await until_warm(node)
        await trio.sleep(10)
        assert problems(node) == []


@pytest.mark.slow
async def test_unneeded_class_has_no_problem(
    autojump_clock: Clock,
) -> None:
    w, cluster = shop(), MemoryCluster()
    async with warm(w, cluster=cluster) as node:
        w.fault("AttachVnic", status=404, code="NotAuthorizedOrNotFound", times=10_000)
        _, nsg = ids(w)
        node.pool.demand.bind(
            [BoundPod(pod=pod("a"), request=PodRequest(annotations={NSG_IDS: nsg}))],
        )
        node.pool.signals.ring()
        await trio.sleep(120)
        (found,) = problems(node)
        assert (found.kind, found.count > 1) == ("attach", True)
        assert found.pod_class
        node.pool.demand.bind([])
        node.pool.signals.ring()
        await trio.sleep(1)
        assert problems(node) == []


@pytest.mark.slow
async def test_unneeded_fixed_address_has_no_problem(
    autojump_clock: Clock,
) -> None:
    w, cluster = shop(), MemoryCluster()
    async with warm(w, cluster=cluster) as node:
        w.fault("CreatePrivateIp", status=404, code="NotFound", times=10_000)
        node.pool.demand.bind(
            [
                BoundPod(
                    pod=pod("a"), request=PodRequest(annotations={FIXED_ADDRESS: "db"})
                )
            ],
        )
        node.pool.signals.ring()
        await trio.sleep(120)
        (found,) = [p for p in problems(node) if p.kind == "fixed-address"]
        assert found.name == "shop/db"
        node.pool.demand.bind([])
        node.pool.signals.ring()
        await trio.sleep(1)
        assert [p for p in problems(node) if p.kind == "fixed-address"] == []


@pytest.mark.slow
async def test_a_full_subnet_is_no_problem_when_nothing_more_is_wanted(
    autojump_clock: Clock,
) -> None:
    w, cluster = world(), MemoryCluster()
    subnet = w.service.world.named(Subnet, "pods")
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        w.service.world.space(subnet.id).exhaust()
        cluster.bind(*[f"pod{n}" for n in range(6)])
        await trio.sleep(60)
        assert subnet.id in reasons(node)
        cluster.unbind(*cluster.bound)
        await trio.sleep(60)
        assert problems(node) == []


async def test_corrected_network_clears_its_problem(
    autojump_clock: Clock,
) -> None:
    w, cluster = world(), MemoryCluster()
    cluster.asked = PodNetwork(subnet_ids=("ocid1.subnet.oc1.iad.none",))
    async with w.node(cluster=cluster) as node:
        w.fault("AttachVnic", status=404, code="NotFound", times=5)
        await trio.sleep(30)
        assert [p.kind for p in problems(node)] == ["attach"]
        w.service.faults.clear()
        subnet = w.service.world.named(Subnet, "pods").id
        cluster.asked = PodNetwork(subnet_ids=(subnet,))
        cluster.change()
        with trio.fail_after(30):
            while problems(node):
                await trio.sleep(0.1)


@pytest.mark.slow
async def test_failed_release_and_full_vnic_are_two_problems(
    autojump_clock: Clock,
) -> None:
    """A full VNIC and a refused release are two problems, even on the same VNIC."""
    w, cluster = world(blocks=False), MemoryCluster()
    config = settings(batch=4, shrink_after_seconds=30.0, cooling_seconds=1.0)
    async with w.node(config, cluster=cluster) as node:
        cluster.bind(*[f"pod{n}" for n in range(10)])
        await until_warm(node, 12)
        for operation in ("DeletePrivateIp", "BulkDeletePrivateIps"):
            w.fault(operation, status=409, code="LockConflict", times=10_000)
        cluster.unbind(*cluster.bound)
        await trio.sleep(400)
        assert [p.kind for p in problems(node)] == ["release"]
        # Creation on the same VNIC works, and the release still does not.
        cluster.bind(*[f"more{n}" for n in range(14)])
        await trio.sleep(30)
        assert [p.kind for p in problems(node)] == ["release"]
        w.service.faults.clear()
        cluster.unbind(*cluster.bound)
        await trio.sleep(1000)
        assert problems(node) == []


@pytest.mark.slow
async def test_cleared_problems_are_not_reported(autojump_clock: Clock) -> None:
    """An hour of failures, then three hours without: few Events in all."""
    w, cluster = world(), MemoryCluster()
    subnet = w.service.world.named(Subnet, "pods")
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        space = w.service.world.space(subnet.id)
        space.exhaust()
        cluster.bind(*[f"pod{n}" for n in range(6)])
        await trio.sleep(3600)
        space.relieve()
        during = [n for n in cluster.events if n.pod is None and n.warning]
        places = [n.message.partition(": ")[0] for n in during]
        assert all(places.count(place) <= 3 for place in places)
        cluster.unbind(*cluster.bound)
        await trio.sleep(3 * 3600)
        after = [n for n in cluster.events if n.pod is None][len(during) :]
        assert after[-1].reason == "PodNetworkReady"
        assert sum(not n.warning for n in after) == len(set(places))
        assert cluster.reports[-1].reason == "COMPLETED"


@pytest.mark.slow
async def test_lasting_problem_is_logged_at_growing_intervals(
    autojump_clock: Clock,
) -> None:
    w, cluster = world(), MemoryCluster()
    cluster.refusal = "NativePodNetwork x: spec.podSubnetIds wants 1 to 5 subnets"
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        await trio.sleep(4 * 3600)
        assert 5 <= len(cluster.events) <= 8
