"""The shape's VNICs are shared: one that no pod uses makes way for a pod that waits."""

import pytest
import trio

from fakeoci.world.resources import Subnet
from sim.cluster import MemoryCluster
from sim.invariants import check_invariants
from sim.world import World, key, settings, until_warm
from tests.shop import EVERYTHING, FEW, ONE, add, bind, ids, shop, vnic_of, warm
from vcnd.core.requests import FIXED_ADDRESS, NSG_IDS, SUBNET_IDS
from vcnd.model.errors import PoolEmptyError
from vcnd.model.podnetwork import PodNetwork

Clock = trio.testing.MockClock


def nsgs(w: World) -> list[list[str]]:
    return [v.nsg_ids for v in w.pod_vnics()]


@pytest.mark.parametrize("more", [{}, {FIXED_ADDRESS: "web"}])
async def test_unused_vnic_makes_way(
    autojump_clock: Clock, more: dict[str, str]
) -> None:
    w = shop(ONE)
    _, nsg = ids(w)
    async with warm(w, shrink_after_seconds=60.0) as node:
        (before,) = nsgs(w)
        began = trio.current_time()
        lease = await add(node, 1, {NSG_IDS: nsg, **more})
        assert trio.current_time() - began < 20
        assert vnic_of(w, lease).nsg_ids == [nsg]
        check_invariants(w, node)
        await node.attacher.delete(key(1))
        await trio.sleep(300)
        assert nsgs(w) == [before]
        assert not node.pool.problems
        check_invariants(w, node)


@pytest.mark.slow
async def test_vnic_makes_way_for_a_bound_pod(autojump_clock: Clock) -> None:
    w, cluster = shop(ONE), MemoryCluster()
    _, nsg = ids(w)
    async with warm(w, cluster=cluster):
        bind(cluster, pod1={NSG_IDS: nsg})
        await trio.sleep(60)
        assert nsgs(w) == [[nsg]]


@pytest.mark.slow
async def test_several_vnics_of_a_warm_pool_make_way_one_by_one(
    autojump_clock: Clock,
) -> None:
    w = shop(FEW)
    w.blocks = False
    _, nsg = ids(w)
    async with warm(w) as node:
        await trio.sleep(60)
        assert [nsg] not in nsgs(w)
        assert len(w.pod_vnics()) == 2
        for number in range(4):  # one more than a VNIC takes
            await add(node, number, {NSG_IDS: nsg})
        assert nsgs(w) == [[nsg], [nsg]]
        check_invariants(w, node)


async def test_vnic_of_a_pod_makes_no_way(autojump_clock: Clock) -> None:
    w = shop(ONE)
    _, nsg = ids(w)
    async with warm(w) as node:
        await add(node, 1, {})
        with pytest.raises(PoolEmptyError, match="cannot be met"):
            await add(node, 2, {NSG_IDS: nsg})
        await trio.sleep(60)
        assert w.calls("DetachVnic") == 0
        check_invariants(w, node)


@pytest.mark.slow
async def test_refused_vnic_takes_the_slot_of_another_once(
    autojump_clock: Clock,
) -> None:
    """It would be attached and detached again at each try otherwise."""
    w, cluster = shop(ONE), MemoryCluster()
    gone = "ocid1.networksecuritygroup.oc1.iad.gone"
    async with warm(w, cluster=cluster) as node:
        (before,) = nsgs(w)
        bind(cluster, pod1={NSG_IDS: gone})
        await trio.sleep(3600)
        assert w.calls("DetachVnic") == 1
        lease = await add(node, 2, {})  # pods need it, not the warm pool
        assert vnic_of(w, lease).nsg_ids == before
        check_invariants(w, node)


@pytest.mark.slow
async def test_no_vnic_makes_way_before_the_network_is_known(
    autojump_clock: Clock,
) -> None:
    w, cluster = shop(ONE), MemoryCluster()
    subnet, nsg = ids(w)
    home = w.service.world.named(Subnet, "pods").id
    config = settings(allow=[EVERYTHING])
    cluster.asked = PodNetwork(subnet_ids=(home,))
    async with w.node(config, cluster=cluster, subnet="") as node:
        await until_warm(node)
    cluster.refusal = "there is no NativePodNetwork x yet"
    bind(cluster, pod1={SUBNET_IDS: subnet, NSG_IDS: nsg})
    async with w.node(config, cluster=cluster, subnet="") as node:
        await trio.sleep(3600)
        assert w.calls("DetachVnic") == 0
        cluster.refusal = ""
        cluster.change()
        await trio.sleep(600)
        assert w.calls("DetachVnic") == 1
