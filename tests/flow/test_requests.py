"""Pods' requests: other NSGs, other subnets, an address of their own."""

import pytest
import trio

from fakeoci.world.resources import Nsg, Subnet
from sim.cluster import MemoryCluster
from sim.invariants import check_invariants
from sim.world import key, settings, until_warm
from tests.shop import add, ids, pod, shop, vnic_of, warm
from vcnd.config import AllowSection
from vcnd.core.requests import EXPRESS, FIXED_ADDRESS, NSG_IDS, SUBNET_IDS
from vcnd.model.errors import PoolEmptyError, RequestRefusedError, TryAgainError
from vcnd.model.sandbox import PodRef

Clock = trio.testing.MockClock


async def test_a_pod_gets_the_nsgs_that_it_asks_for(autojump_clock: Clock) -> None:
    w = shop()
    _, nsg = ids(w)
    async with warm(w) as node:
        plain = await add(node, 1, {})
        special = await add(node, 2, {NSG_IDS: nsg})
        another = await add(node, 3, {NSG_IDS: f" {nsg} "})
        assert vnic_of(w, special).nsg_ids == [nsg]
        assert vnic_of(w, special).id == vnic_of(w, another).id
        assert vnic_of(w, plain).id != vnic_of(w, special).id
        check_invariants(w, node)


async def test_a_pod_gets_an_address_of_the_subnet_that_it_asks_for(
    autojump_clock: Clock,
) -> None:
    w = shop()
    subnet, _ = ids(w)
    async with warm(w) as node:
        lease = await add(node, 1, {SUBNET_IDS: subnet})
        assert lease.address.startswith("10.1.16.")
        assert vnic_of(w, lease).nsg_ids == [w.service.world.named(Nsg, "pods").id]


async def test_request_equal_to_the_network_uses_the_own_class(
    autojump_clock: Clock,
) -> None:
    w = shop()
    cloud = w.service.world
    configuration = {
        NSG_IDS: cloud.named(Nsg, "pods").id,
        SUBNET_IDS: cloud.named(Subnet, "pods").id,
    }
    async with warm(w) as node:
        await add(node, 1, configuration)
        assert len(w.pod_vnics()) == 1


async def test_a_pod_stays_out_of_the_lane_over_a_restart(
    autojump_clock: Clock,
) -> None:
    w = shop()
    async with warm(w) as node:
        plain = await add(node, 1, {})
        ordinary = await add(node, 2, {EXPRESS: "false"})
    async with w.node() as node:
        express = {x.key: x.express for x in node.pool.ledger.leases()}
        assert express == {plain.key: True, ordinary.key: False}
        assert await add(node, 2, {EXPRESS: "false"}) == ordinary


@pytest.mark.slow
async def test_unneeded_class_is_released(autojump_clock: Clock) -> None:
    w = shop()
    _, nsg = ids(w)
    async with warm(w, shrink_after_seconds=60.0) as node:
        await add(node, 1, {})
        await add(node, 2, {NSG_IDS: nsg})
        assert len(w.pod_vnics()) == 2
        await node.attacher.delete(key(2))
        await trio.sleep(300)
        assert [v.nsg_ids for v in w.pod_vnics()] != [[nsg]]
        assert len(w.pod_vnics()) == 1
        calls = w.calls("AttachVnic"), w.calls("DetachVnic")
        await trio.sleep(3000)
        assert (w.calls("AttachVnic"), w.calls("DetachVnic")) == calls
        check_invariants(w, node)


@pytest.mark.slow
async def test_a_class_survives_a_restart(autojump_clock: Clock) -> None:
    w = shop()
    _, nsg = ids(w)
    async with warm(w) as node:
        before = await add(node, 1, {NSG_IDS: nsg})
    async with warm(w) as node:
        await trio.sleep(30)
        plain = await add(node, 2, {})
        special = await add(node, 3, {NSG_IDS: nsg})
        assert vnic_of(w, special).id == vnic_of(w, before).id
        assert vnic_of(w, plain).id != vnic_of(w, before).id
        assert len(w.pod_vnics()) == 2
    w.journal.__init__()  # type: ignore[misc]
    w.host.__init__()  # type: ignore[misc]
    async with warm(w) as node:  # only the VNIC's tag names its class
        plain = await add(node, 2, {})
        assert vnic_of(w, plain).nsg_ids != [nsg]


async def test_two_classes_grow_side_by_side(autojump_clock: Clock) -> None:
    w = shop()
    _, nsg = ids(w)
    async with warm(w) as node:
        leases = []

        async def one(number: int, annotations: dict[str, str]) -> None:
            leases.append(await add(node, number, annotations))

        async with trio.open_nursery() as calls:
            for number in range(20):
                calls.start_soon(one, number, {NSG_IDS: nsg} if number % 2 else {})
        special = [x for x in leases if vnic_of(w, x).nsg_ids == [nsg]]
        assert len(special) == 10
        check_invariants(w, node)


@pytest.mark.parametrize(
    ("annotations", "reason"),
    [
        ({NSG_IDS: "ocid1.networksecuritygroup.oc1.iad.x"}, "may not use NSG"),
        ({SUBNET_IDS: "ocid1.subnet.oc1.iad.x"}, "may not use subnet"),
        ({FIXED_ADDRESS: "true"}, "may not have fixed addresses"),
        ({NSG_IDS: "web"}, "'web' is no OCID"),
        ({SUBNET_IDS: "ocid1.vcn.x"}, "'ocid1.vcn.x' is no OCID"),
        ({FIXED_ADDRESS: "Web_0"}, "'Web_0' is no name"),
        (
            {NSG_IDS: ",".join(f"ocid1.networksecuritygroup.{n}" for n in range(6))},
            "takes at most 5",
        ),
    ],
)
async def test_forbidden_request_is_refused_with_a_reason(
    autojump_clock: Clock, annotations: dict[str, str], reason: str
) -> None:
    w = shop()
    config = settings(allow=[AllowSection(namespace="shop", nsg_ids=["x"])])
    async with w.node(config) as node:
        await until_warm(node)
        calls, began = w.calls(), trio.current_time()
        with pytest.raises(RequestRefusedError, match=reason):
            await add(node, 1, annotations)
        assert trio.current_time() == began
        assert w.calls() == calls
        assert node.pool.ledger.leases() == []


async def test_another_namespaces_allowance_is_not_ours(autojump_clock: Clock) -> None:
    w = shop()
    config = settings(allow=[AllowSection(namespace="bank", nsg_ids=["*"])])
    async with w.node(config) as node:
        await until_warm(node)
        with pytest.raises(RequestRefusedError, match="may not use NSG"):
            await add(node, 1, {NSG_IDS: ids(w)[1]})


async def test_missing_slot_for_a_class_is_reported_at_once(
    autojump_clock: Clock,
) -> None:
    w = shop({"ocpus = 4.0": "ocpus = 2.0"})
    _, nsg = ids(w)
    async with warm(w) as node:
        await add(node, 1, {})
        began = trio.current_time()
        with pytest.raises(PoolEmptyError) as refusal:
            await add(node, 2, {NSG_IDS: nsg})
        assert trio.current_time() == began
        assert "takes 2 VNICs and pods use all of them" in str(refusal.value)
        assert nsg in str(refusal.value)
        await add(node, 3, {})  # other pods are served


@pytest.mark.slow
async def test_deleted_nsg_of_a_class_is_reported_and_blocks_no_other(
    autojump_clock: Clock,
) -> None:
    w = shop()
    gone = "ocid1.networksecuritygroup.oc1.iad.gone"
    async with warm(w) as node:
        with pytest.raises(PoolEmptyError) as refusal:
            await add(node, 1, {NSG_IDS: gone})
        assert gone in str(refusal.value)
        assert "AttachVnic: 404" in str(refusal.value)
        calls = w.calls("AttachVnic")
        for number in range(10, 30):
            await add(node, number, {})
        await trio.sleep(3600)
        assert w.calls("AttachVnic") - calls < 20


# With Kubernetes


async def test_requests_of_bound_pods_are_met_before_add(
    autojump_clock: Clock,
) -> None:
    w, cluster = shop(), MemoryCluster()
    _, nsg = ids(w)
    async with warm(w, cluster=cluster) as node:
        cluster.annotations_of["pod1"] = {NSG_IDS: nsg, FIXED_ADDRESS: "true"}
        cluster.bound["pod1"] = pod("pod1")
        cluster.change()
        await trio.sleep(60)
        began = trio.current_time()
        lease, _ = await node.attacher.add(key(1), pod("pod1"), 101)
        assert trio.current_time() == began
        assert vnic_of(w, lease).nsg_ids == [nsg]
        assert w.secondary()[lease.address].lifetime == "RESERVED"


async def test_refused_request_gets_an_event_at_the_pod(autojump_clock: Clock) -> None:
    w, cluster = shop(), MemoryCluster()
    async with w.node(settings(), cluster=cluster) as node:
        await until_warm(node)
        cluster.annotations_of["pod1"] = {NSG_IDS: ids(w)[1]}
        cluster.bound["pod1"] = pod("pod1")
        cluster.change()
        await trio.sleep(60)
        posted = [n for n in cluster.events if n.pod == pod("pod1")]
        assert [n.reason for n in posted] == ["VCNRequestRefused"]
        assert "may not use NSG" in posted[0].message
        assert node.pool.demand_count == 0


async def test_add_waits_for_news_of_its_pod(autojump_clock: Clock) -> None:
    w, cluster = shop(), MemoryCluster()
    _, nsg = ids(w)
    async with warm(w, cluster=cluster) as node:
        cluster.annotations_of["pod1"] = {NSG_IDS: nsg}
        leases = []

        async def call() -> None:
            leases.append((await node.attacher.add(key(1), pod("pod1"), 101))[0])

        async with trio.open_nursery() as calls:
            calls.start_soon(call)
            await trio.sleep(2)
            cluster.bound["pod1"] = pod("pod1")
            cluster.change()
        assert vnic_of(w, leases[0]).nsg_ids == [nsg]


async def test_pods_without_requests_start_without_kubernetes(
    autojump_clock: Clock,
) -> None:
    w, cluster = shop(), MemoryCluster()
    async with warm(w, cluster=cluster) as node:
        cluster.synced = False
        began = trio.current_time()
        await node.attacher.add(
            key(1), PodRef(namespace="plain", name="p", uid="p"), 101
        )
        assert trio.current_time() == began
        with pytest.raises(TryAgainError, match="not known yet"):
            await node.attacher.add(key(2), pod("pod1"), 102)


async def test_pod_never_gets_other_nsgs_without_kubernetes(
    autojump_clock: Clock,
) -> None:
    w, cluster = shop(), MemoryCluster()
    async with warm(w, cluster=cluster) as node:
        with pytest.raises(TryAgainError, match="not known yet"):
            await node.attacher.add(key(1), pod("pod1"), 101)
        # A pod that may request nothing waits for nothing.
        other = PodRef(namespace="plain", name="p", uid="p")
        await node.attacher.add(key(2), other, 102)
