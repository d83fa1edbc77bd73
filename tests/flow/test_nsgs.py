"""Pod VNICs follow the NSGs of the pod network."""

import pytest
import trio

from fakeoci.world.resources import Nsg, Subnet
from sim.cluster import MemoryCluster
from sim.world import add, settings, until_warm, world
from vcnd.model.podnetwork import PodNetwork

Clock = trio.testing.MockClock


@pytest.mark.slow
async def test_attached_vnics_follow_the_nsgs(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    pods = w.service.world.named(Subnet, "pods").id
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        before = w.pod_vnics()[0]
        assert before.nsg_ids == [w.service.world.named(Nsg, "pods").id]
        cluster.asked = PodNetwork(subnet_ids=(pods,))
        cluster.change()
        await trio.sleep(60)
        assert w.pod_vnics()[0].id == before.id
        assert w.pod_vnics()[0].nsg_ids == []
        assert w.calls("UpdateVnic") == 1
        await trio.sleep(3600)
        assert w.calls("UpdateVnic") == 1


@pytest.mark.slow
async def test_nsgs_wait_for_the_native_pod_network(autojump_clock: Clock) -> None:
    """A restart must not put VNICs into the configuration's NSGs and back."""
    w, cluster = world(), MemoryCluster()
    pods = w.service.world.named(Subnet, "pods").id
    cluster.asked = PodNetwork(subnet_ids=(pods,))
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        await trio.sleep(60)
    updates = w.calls("UpdateVnic")
    cluster.refusal = "there is no NativePodNetwork x yet"
    async with w.node(cluster=cluster) as node:
        await trio.sleep(1000)
        assert w.calls("UpdateVnic") == updates
        cluster.refusal = ""
        await trio.sleep(100)
    assert w.calls("UpdateVnic") == updates
    assert w.pod_vnics()[0].nsg_ids == []


async def test_refused_nsgs_are_reported(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    pods = w.service.world.named(Subnet, "pods").id
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        gone = "ocid1.networksecuritygroup.oc1.iad.gone"
        cluster.asked = PodNetwork(subnet_ids=(pods,), nsg_ids=(gone,))
        cluster.change()
        await trio.sleep(60)
        reasons = {str(p.place): p.reason for p in node.pool.problems}
        (vnic,) = w.pod_vnics()
        assert "UpdateVnic: 404" in reasons[f"NSGs of {vnic.id}"]
        await add(node, 1)  # and pods get addresses


@pytest.mark.slow
async def test_refused_vnic_stops_no_other(autojump_clock: Clock) -> None:
    few = {"ocpus = 4.0": "ocpus = 4.0\nprivate_ips_per_vnic = 6"}
    w, cluster = world(few, blocks=False), MemoryCluster()
    pods = w.service.world.named(Subnet, "pods").id
    async with w.node(settings(batch=16), cluster=cluster) as node:
        await until_warm(node, free=16)
        await trio.sleep(60)
        w.fault("UpdateVnic", status=404, code="NotAuthorizedOrNotFound", times=1)
        cluster.asked = PodNetwork(subnet_ids=(pods,))
        cluster.change()
        await trio.sleep(30)
        assert len(w.pod_vnics()) == 3
        wrong = [v.id for v in w.pod_vnics() if v.nsg_ids]
        found = [p.place.vnic_id for p in node.pool.problems]
        assert found == wrong
        assert len(wrong) == 1
        await trio.sleep(1000)
        assert not any(v.nsg_ids for v in w.pod_vnics())
        assert not node.pool.problems
