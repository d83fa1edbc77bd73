"""Kubernetes' part: demand ahead of ADD, the pod network, status and Events."""

import pytest
import trio

from fakeoci.world.resources import Instance, Subnet
from sim.cluster import MemoryCluster
from sim.host import MemoryHost
from sim.invariants import check_invariants
from sim.journal import MemoryJournal
from sim.world import add, settings, until_warm, world
from vcnd.flow.reasons import why_empty
from vcnd.model.cause import Cause, Fault
from vcnd.model.errors import TryAgainError
from vcnd.model.ids import ClassName
from vcnd.model.place import KUBE_PROXY
from vcnd.model.podnetwork import ApplicationResource, PodClass, PodNetwork
from vcnd.model.sandbox import PodRef, SandboxKey
from vcnd.node import Node

Clock = trio.testing.MockClock


def names(count: int) -> list[str]:
    return [f"pod{n}" for n in range(count)]


def sandbox(name: str) -> SandboxKey:
    return SandboxKey("vcnd", f"sandbox-of-{name}", "eth0")


async def start(node: Node, pod: PodRef) -> None:
    """Call ADD until it succeeds, as the kubelet does."""
    while True:
        try:
            await node.attacher.add(sandbox(pod.name), pod, hash(pod.name) & 0xFFFF)
        except TryAgainError:
            await trio.sleep(1)
        else:
            return


async def test_bound_pods_are_demand_before_their_adds(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        before = w.calls()
        cluster.bind(*names(20))
        await until_warm(node, 20)
        calls = w.calls() - before
        assert node.pool.demand_count == 20
        for name in names(20):
            pod = PodRef(namespace="default", name=name, uid=name)
            await node.attacher.add(sandbox(name), pod, hash(name) & 0xFFFF)
        assert node.pool.demand_count == 20  # each pod counts once
        assert calls < 12
        check_invariants(w, node)


async def test_pods_that_went_before_their_add_are_no_demand(
    autojump_clock: Clock,
) -> None:
    w, cluster = world(), MemoryCluster()
    async with w.node(cluster=cluster) as node:
        cluster.bind(*names(20))
        await until_warm(node, 20)
        cluster.unbind(*names(20))
        await trio.sleep(1)
        assert node.pool.demand_count == 0


async def test_address_taken_back_while_the_cluster_is_away(
    autojump_clock: Clock,
) -> None:
    """The cluster does not report the pod's end; still it is no demand."""
    w, cluster = world(), MemoryCluster()
    async with w.node(cluster=cluster) as node:
        cluster.bind("pod1")
        await until_warm(node)
        lease, _ = await node.attacher.add(
            sandbox("pod1"), PodRef(namespace="default", name="pod1", uid="pod1"), 7
        )
        cluster.away = True
        await node.attacher.delete(lease.key)
        await trio.sleep(5)
        assert node.pool.demand_count == 0


async def test_unsynced_cluster_changes_nothing(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    cluster.synced, cluster.away = False, True
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        await add(node, 1)
        assert node.pool.demand_count == 1
    assert cluster.reports == []


async def test_reports_from_progress_to_success(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        await trio.sleep(2)
        states = [r.state for r in cluster.reports]
        assert states[0] == "IN_PROGRESS"
        assert states[-1] == "SUCCESS"
        (vnic,) = cluster.reports[-1].vnics
        assert set(vnic.addresses) == w.secondary().keys()
    instance = w.service.world.named(Instance, "node1")
    assert cluster.instance_id == instance.id


async def test_events_during_an_outage_are_posted_afterwards(
    autojump_clock: Clock,
) -> None:
    w, cluster = world(), MemoryCluster()
    cluster.away = True
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        await trio.sleep(60)
        assert cluster.reports == []
        cluster.away = False
        await trio.sleep(60)
        assert [r.state for r in cluster.reports] == ["SUCCESS"]


async def test_full_subnet_gets_an_event_at_the_pod(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    subnet = w.service.world.named(Subnet, "pods")
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        w.service.world.space(subnet.id).exhaust()
        cluster.bind(*names(6))
        async with trio.open_nursery() as adds:
            for pod in cluster.bound.values():
                adds.start_soon(start, node, pod)
            await trio.sleep(12)
            late = [n for n in cluster.events if n.pod is not None]
            assert {n.reason for n in late} == {"NoVCNAddress"}
            waiting = {n.pod for n in late}
            assert len(waiting) == 2  # four pods got the free addresses
            assert all(subnet.id in n.message for n in late)
            assert all("larger subnet" in n.message for n in late)
            assert any(n.pod is None and n.warning for n in cluster.events)
            # Each reason gets one Event, not one at every reconcile.
            await trio.sleep(5)
            told = [
                (n.pod, n.message.partition(" (")[0]) for n in cluster.events if n.pod
            ]
            assert len(told) == len(set(told)) <= 2 * len(waiting)
            w.service.world.space(subnet.id).relieve()
        await trio.sleep(5)
        served = [n for n in cluster.events if n.pod and not n.warning]
        assert {n.reason for n in served} == {"VCNAddressAssigned"}
        assert {n.pod for n in served} == waiting


async def test_foreign_network_is_followed(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    other = w.service.world.named(Subnet, "nodes").id
    cluster.asked = PodNetwork(subnet_ids=(other,), maximum=9)
    async with w.node(cluster=cluster) as node:
        with trio.fail_after(600):
            while not node.pool.vnics.pod_slots or node.pool.policy.maximum != 9:
                await trio.sleep(0.5)
        cluster.bind(*names(30))
        await trio.sleep(30)
        assert node.pool.target == 9
    # The first VNIC may be in the configuration's subnet; later ones are in its.
    assert {v.subnet_id for v in w.pod_vnics()} <= {other, w.pod_vnics()[0].subnet_id}


async def test_first_status_reports_the_requested_network(
    autojump_clock: Clock,
) -> None:
    """Without them the Node would lose its application resources at a restart."""
    w, cluster = world(), MemoryCluster()
    subnet = w.service.world.named(Subnet, "pods").id
    web = ApplicationResource(
        "oke-application-resource.oci.oraclecloud.com/web",
        PodClass(ClassName("web"), (subnet,), ()),
        8,
    )
    cluster.asked = PodNetwork(subnet_ids=(subnet,), resources=(web,))
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
    assert {r.resources for r in cluster.reports} == {cluster.asked.resources}


async def test_no_vnic_is_attached_before_a_subnet_is_named(
    autojump_clock: Clock,
) -> None:
    w, cluster = world(), MemoryCluster()
    cluster.refusal = "there is no NativePodNetwork x yet"
    async with w.node(cluster=cluster, subnet="") as node:
        await trio.sleep(60)
        assert w.pod_vnics() == []
        assert cluster.reports[-1].state == "BACKOFF"
        subnet = w.service.world.named(Subnet, "pods").id
        cluster.refusal, cluster.asked = "", PodNetwork(subnet_ids=(subnet,))
        cluster.change()
        await until_warm(node)


async def test_malformed_network_is_reported_and_cleared(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    cluster.refusal = "NativePodNetwork x: spec.podSubnetIds wants 1 to 5 subnets"
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        await add(node, 1)  # by the configuration
        await trio.sleep(2)
        told = [n.message for n in cluster.events if n.pod is None]
        assert any("podSubnetIds" in m for m in told)
        assert any("podSubnetIds" in p.reason for p in node.pool.problems)
        cluster.refusal = ""
        cluster.change()
        await trio.sleep(2)
        assert not node.pool.problems
        assert cluster.events[-1].reason == "PodNetworkReady"


@pytest.mark.slow
async def test_unfit_kube_proxy_is_reported_at_intervals(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    cluster.proxy = Fault(Cause.UNFIT, "kube-proxy has detectLocalMode NodeCIDR")
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        await trio.sleep(1800)
        told = [n for n in cluster.events if n.reason == "KubeProxyMisconfigured"]
        assert len(told) == 2
        assert [p.place for p in node.pool.problems] == [KUBE_PROXY]
        assert "kube-proxy" not in why_empty(node.pool)  # ADDs do not name it
        assert cluster.reports[-1].reason == "COMPLETED"
        cluster.proxy = None
        await trio.sleep(3700)
        assert not node.pool.problems


@pytest.mark.slow
async def test_imds_outage_is_reported_and_cleared(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    w.fault("IMDS", "before", status=503, times=200)
    async with w.node(cluster=cluster) as node:
        await trio.sleep(90)
        assert cluster.instance_id == ""
        told = [n.message for n in cluster.events if n.pod is None]
        assert any("IMDS" in m for m in told), told
        w.service.faults.clear()
        await until_warm(node)
        await trio.sleep(60)
        assert cluster.reports[-1].state == "SUCCESS"


@pytest.mark.slow
async def test_shape_of_one_vnic_is_reported(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    instance = w.service.world.named(Instance, "node1")
    most, instance.max_vnic_attachments = instance.max_vnic_attachments, 1
    async with w.node(cluster=cluster, config=settings(audit_seconds=20.0)) as node:
        await trio.sleep(30)
        assert cluster.reports[-1].state == "BACKOFF"
        assert "shape" in cluster.reports[-1].reason
        instance.max_vnic_attachments = most  # the instance gets another shape
        await until_warm(node)
        await trio.sleep(60)
        assert cluster.reports[-1].state == "SUCCESS"


@pytest.mark.slow
async def test_refused_principal_is_reported_and_cleared(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    refusal = {"status": 401, "code": "NotAuthenticated", "times": 10_000}
    w.fault("*", "before", **refusal)
    async with w.node(cluster=cluster) as node:
        await trio.sleep(120)
        assert cluster.reports[-1].state == "BACKOFF"
        assert "NotAuthenticated" in cluster.reports[-1].reason
        calls = w.calls()
        await trio.sleep(600)
        assert w.calls() - calls < 10 * 12  # calls become rarer
        w.service.faults.clear()
        await until_warm(node)
        await trio.sleep(60)
        assert cluster.reports[-1].state == "SUCCESS"


@pytest.mark.slow
async def test_missing_subnet_is_reported_and_cleared(
    autojump_clock: Clock,
) -> None:
    w, cluster = world(), MemoryCluster()
    cluster.asked = PodNetwork(subnet_ids=("ocid1.subnet.oc1.iad.none",))
    w.service.world.named(Instance, "node1").max_vnic_attachments = 1
    async with w.node(cluster=cluster, config=settings(audit_seconds=5.0)) as node:
        await trio.sleep(10)
        assert node.pool.demand.network == cluster.asked
        w.service.world.named(Instance, "node1").max_vnic_attachments = 4
        await trio.sleep(60)
        assert cluster.reports[-1].state == "BACKOFF"
        assert "NotAuthorizedOrNotFound" in cluster.reports[-1].reason
        # A corrected network is tried at once, however long the backoff is.
        subnet = w.service.world.named(Subnet, "pods").id
        cluster.asked = PodNetwork(subnet_ids=(subnet,))
        cluster.change()
        with trio.fail_after(15):
            while not node.pool.ledger.counts().free:
                await trio.sleep(0.5)
        await trio.sleep(5)
        assert cluster.reports[-1].state == "SUCCESS"


@pytest.mark.slow
async def test_two_clusters_leave_each_others_vnics_alone(
    autojump_clock: Clock,
) -> None:
    """Both are on one instance: the second installation replaced the first."""
    w, other = world(), MemoryCluster()
    async with w.node(cluster=other, name="one") as node:
        await until_warm(node)
        lease = await add(node, 1)
    before = {v.id for v in w.pod_vnics()}
    theirs = w.secondary().keys()
    w.host, w.journal = MemoryHost(), MemoryJournal()
    async with w.node(cluster=MemoryCluster(), name="two") as node:
        await until_warm(node)
        mine = {s.vnic.id for s in node.pool.vnics.pod_slots}
        known = {p.address for p in node.pool.ledger.private_ips()}
        assert not mine & before
        assert not known & theirs
        await node.release.run()
    assert {v.id for v in w.pod_vnics()} == before
    assert lease.address in w.secondary()


@pytest.mark.slow
async def test_a_vnic_attached_during_an_audit_is_counted_once(
    autojump_clock: Clock,
) -> None:
    """The cluster's first state requests an audit during a slow first attach."""
    few = {"ocpus = 4.0": "ocpus = 4.0\nprivate_ips_per_vnic = 6"}
    w, cluster = world(few, blocks=False), MemoryCluster()
    async with w.node(settings(batch=16), cluster=cluster) as node:
        await until_warm(node, free=16)
        assert node.pool.vnics.attached == len(w.vnics()) == 4
