"""Secondary VNIC profiles: VNICs for pods that request an application resource."""

import pytest
import trio

from fakeoci.world.resources import Nsg, Subnet
from sim.cluster import MemoryCluster
from sim.invariants import check_invariants
from sim.world import key, settings, until_warm
from tests.shop import pod, shop, vnic_of
from vcnd.core.podnetwork import wanted
from vcnd.core.requests import NSG_IDS, RESOURCE_PREFIX
from vcnd.model.errors import RequestRefusedError
from vcnd.model.podnetwork import PodNetwork, VnicProfile

Clock = trio.testing.MockClock


def network(*profiles: VnicProfile) -> PodNetwork:
    return wanted(
        instance_id="i",
        spec_id="i",
        subnet_ids=(),
        nsg_ids=(),
        families=(),
        maximum=None,
        profiles=profiles,
    )


@pytest.mark.slow
async def test_a_profiles_vnic_is_there_before_its_pods(autojump_clock: Clock) -> None:
    w, cluster = shop(), MemoryCluster()
    cloud = w.service.world
    general = VnicProfile(subnet_id=cloud.named(Subnet, "pods").id)
    web = VnicProfile(
        subnet_id=cloud.named(Subnet, "shop").id,
        nsg_ids=(cloud.named(Nsg, "blocked-port").id,),
        application_resources=("web",),
    )
    cluster.asked = network(general, web)
    cluster.resources_of["web1"] = {f"{RESOURCE_PREFIX}web": "1"}
    async with w.node(settings(), cluster=cluster) as node:
        await trio.sleep(120)
        assert len(w.pod_vnics()) == 2
        for name in ("web1", "plain"):
            cluster.bound[name] = pod(name)
        cluster.change()
        await trio.sleep(1)
        began = trio.current_time()
        special, _ = await node.attacher.add(key(1), pod("web1"), 101)
        plain, _ = await node.attacher.add(key(2), pod("plain"), 102)
        assert trio.current_time() == began
        assert special.address.startswith("10.1.16.")
        assert vnic_of(w, special).nsg_ids == list(web.nsg_ids)
        assert vnic_of(w, plain).id != vnic_of(w, special).id
        # The VNICs stay without pods.
        await node.attacher.delete(key(1))
        await node.attacher.delete(key(2))
        await trio.sleep(3000)
        assert len(w.pod_vnics()) == 2
        check_invariants(w, node)
        assert cluster.reports[-1].resources == cluster.asked.resources
        assert not cluster.reports[-1].only_resources


@pytest.mark.parametrize(
    ("resources", "annotations", "reason"),
    [
        ({f"{RESOURCE_PREFIX}db": "1"}, {}, "no secondary VNIC profile"),
        ({f"{RESOURCE_PREFIX}web": "2"}, {}, "for one of it"),
        (
            {f"{RESOURCE_PREFIX}web": "1", f"{RESOURCE_PREFIX}db": "1"},
            {},
            "one application resource",
        ),
        (
            {f"{RESOURCE_PREFIX}web": "1"},
            {NSG_IDS: "ocid1.networksecuritygroup.oc1.iad.x"},
            "says subnet and NSGs already",
        ),
        ({}, {}, "is for application resources"),
        ({}, {f"{RESOURCE_PREFIX}web": "1"}, "is for application resources"),
    ],
)
async def test_resource_outside_the_profiles_is_refused(
    autojump_clock: Clock,
    resources: dict[str, str],
    annotations: dict[str, str],
    reason: str,
) -> None:
    w, cluster = shop(), MemoryCluster()
    web = VnicProfile(
        subnet_id=w.service.world.named(Subnet, "shop").id,
        application_resources=("web",),
    )
    cluster.asked = network(web)
    cluster.annotations_of["pod1"] = annotations
    cluster.resources_of["pod1"] = resources
    cluster.bound["pod1"] = pod("pod1")
    allow = settings().allow
    async with w.node(settings(allow=allow), cluster=cluster) as node:
        await trio.sleep(120)
        assert cluster.reports[-1].only_resources
        if NSG_IDS in annotations:
            reason = "may not use NSG|already"
        with pytest.raises(RequestRefusedError, match=reason):
            await node.attacher.add(key(1), pod("pod1"), 101)


@pytest.mark.slow
async def test_vnics_are_kept_until_the_network_is_known(
    autojump_clock: Clock,
) -> None:
    w, cluster = shop(), MemoryCluster()
    pods = w.service.world.named(Subnet, "pods").id
    cluster.asked = PodNetwork(subnet_ids=(pods,))
    async with w.node(settings(), cluster=cluster, subnet="") as node:
        await until_warm(node)
    cluster.refusal = "there is no NativePodNetwork x yet"
    async with w.node(settings(), cluster=cluster, subnet="") as node:
        await trio.sleep(3600)
        assert len(w.pod_vnics()) == 1
        assert node.pool.ledger.counts().free == 4
