"""Writes into a real API server, and its refusals."""

from typing import Any

import pytest
import trio
from msgspec.structs import replace

from integration.lab.apiserver import ApiServer
from integration.tests.kube import INSTANCE, TAINT, cluster_of, make_pod, names, until
from vcnd.core.requests import RESOURCE_PREFIX
from vcnd.kube import bodies
from vcnd.kube.cluster import KubeCluster
from vcnd.model.errors import PodNetworkError
from vcnd.model.ids import SubnetId, VnicId
from vcnd.model.podnetwork import PodNetwork
from vcnd.model.report import ClusterEvent, NodeReport, VnicReport
from vcnd.model.request import PodRequest
from vcnd.model.sandbox import PodRef
from vcnd.model.vnic import Vnic

SUBNET, NSG = "ocid1.subnet.oc1.iad.s", "ocid1.networksecuritygroup.oc1.iad.n"
OWN = PodNetwork(subnet_ids=(SUBNET,), nsg_ids=(NSG,), maximum=110)
NPN = f"{bodies.NETWORKS}/one"
REPORT = NodeReport(
    state="SUCCESS",
    reason="COMPLETED",
    vnics=(
        VnicReport(
            vnic=Vnic(
                id=VnicId("ocid1.vnic.oc1.iad.v"),
                mac="02:00:17:00:00:01",
                address="10.1.0.2",
                subnet_id=SubnetId(SUBNET),
                subnet_cidr="10.1.0.0/20",
                virtual_router="10.1.0.1",
            ),
            addresses=("10.1.0.3", "10.1.0.4"),
        ),
    ),
)


async def until_written(
    server: ApiServer, cluster: KubeCluster, own: PodNetwork
) -> None:
    """Return when our object has a configuration's subnets.

    A write is refused until the watch has told of the one before.
    """
    with trio.fail_after(30):
        while tuple(server.admin("GET", NPN).json()["spec"]["podSubnetIds"]) != (
            own.subnet_ids
        ):
            assert await cluster.network(own) in (None, own)
            await trio.sleep(0.1)


async def test_network_is_created_published_and_corrected(server: ApiServer) -> None:
    async with cluster_of(server) as cluster:
        await until(lambda: cluster.pods() is not None)

        async def network() -> PodNetwork | None:
            return await cluster.network(OWN)

        def tainted() -> bool:
            node = server.admin("GET", "/api/v1/nodes/one").json()
            return TAINT in {t["key"] for t in node["spec"]["taints"]}

        with trio.fail_after(30):
            while not server.admin("GET", NPN).is_success:
                assert await network() in (None, OWN)  # None: not read yet
                await trio.sleep(0.1)
        written = server.admin("GET", NPN).json()
        assert written["spec"]["podSubnetIds"] == [SUBNET]
        assert written["metadata"]["ownerReferences"][0]["name"] == "one"
        # The object exists; its status and the node follow.
        with trio.fail_after(30):
            while "status" not in server.admin("GET", NPN).json() or tainted():
                await cluster.publish(REPORT)
                await trio.sleep(0.1)
        status = server.admin("GET", NPN).json()["status"]
        assert (status["state"], status["reason"]) == ("SUCCESS", "COMPLETED")
        assert status["vnics"][0]["addresses"] == ["10.1.0.3", "10.1.0.4"]
        node = server.admin("GET", "/api/v1/nodes/one").json()
        assert "other" in {t["key"] for t in node["spec"]["taints"]}
        conditions = {c["type"]: c["status"] for c in node["status"]["conditions"]}
        assert conditions["NetworkUnavailable"] == "False"
        # Our own object follows a changed configuration …
        other = PodNetwork(subnet_ids=(f"{SUBNET}2",), nsg_ids=(), maximum=110)
        await until_written(server, cluster, other)
        # … and others' object is obeyed, or refused with the field's name.
        server.admin("DELETE", NPN)
        await cluster.publish(replace(REPORT, reason="late"))  # the object is gone
        await until(lambda: cluster._network() is None)  # noqa: SLF001
        with pytest.raises(PodNetworkError, match="names no subnet"):
            await cluster.network(PodNetwork(subnet_ids=()))
        theirs = {"id": INSTANCE, "podSubnetIds": [f"{SUBNET}3"], "maxPodCount": 20}
        body = {
            "apiVersion": bodies.GROUP_VERSION,
            "kind": "NativePodNetwork",
            "metadata": {"name": "one"},
            "spec": theirs,
        }
        server.make(bodies.NETWORKS, body)
        wanted = PodNetwork(subnet_ids=(f"{SUBNET}3",), nsg_ids=(), maximum=20)
        with trio.fail_after(30):
            while await network() != wanted:
                await trio.sleep(0.1)
        server.admin("PATCH", NPN, {"spec": {"podSubnetIds": []}})
        refusal = ""
        with trio.fail_after(30):
            while not refusal:
                try:
                    await network()
                except PodNetworkError as error:
                    refusal = str(error)
                await trio.sleep(0.1)
        assert "podSubnetIds" in refusal
        server.admin("DELETE", NPN)


async def test_profiles_are_read_and_their_resources_published(
    server: ApiServer,
) -> None:
    name = f"{RESOURCE_PREFIX}web"
    details = {"subnetId": SUBNET, "ipCount": 16, "applicationResources": ["web"]}
    body = {
        "apiVersion": bodies.GROUP_VERSION,
        "kind": "NativePodNetwork",
        "metadata": {"name": "one"},
        "spec": {"id": INSTANCE, "secondaryVnics": [{"createVnicDetails": details}]},
    }
    server.make(bodies.NETWORKS, body)
    limits = {"resources": {"limits": {name: "1"}}}
    containers = [{"name": "c", "image": "c", **limits}]
    own = "vcnd.io/a"
    faked = {name: "1", own: "a"}
    make_pod(server, "web", containers=containers, annotations={own: "a"})
    make_pod(server, "sly", annotations=faked)

    def node() -> dict[str, Any]:
        written: dict[str, Any] = server.admin("GET", "/api/v1/nodes/one").json()
        return written

    def told(report: NodeReport) -> bool:
        written = node()
        keys = {t["key"] for t in written["spec"].get("taints", [])}
        capacity = written["status"].get("capacity", {}).get(name, "0")
        expected = "16" if report.resources else "0"
        only = bodies.ONLY_RESOURCES in keys
        return capacity == expected and only is report.only_resources

    async with cluster_of(server) as cluster:
        await until(lambda: names(cluster) == {"web", "sly"})
        with trio.fail_after(30):
            network = await cluster.network(OWN)
            while network is None or not network.resources:
                await trio.sleep(0.1)
                network = await cluster.network(OWN)
        assert network.maximum == 16
        requests = {b.pod.name: b.request for b in cluster.pods() or []}
        written = {own: "a"}
        assert requests == {
            "web": PodRequest(annotations=written, resources={name: "1"}),
            "sly": PodRequest(annotations=written),
        }
        web = next(b.pod for b in cluster.pods() or [] if b.pod.name == "web")
        runtimes = {name: "2", "b": "b"}
        asked = PodRequest(annotations=runtimes, resources={name: "1"})
        assert cluster.request(web, runtimes) == asked
        with_it = replace(REPORT, resources=network.resources, only_resources=True)
        for report in (with_it, REPORT):
            with trio.fail_after(30):
                while not told(report):
                    await cluster.publish(report)
                    await trio.sleep(0.1)
    server.admin("DELETE", NPN)


async def test_kube_proxy_that_takes_pods_for_strangers(server: ApiServer) -> None:
    path = "/api/v1/namespaces/kube-system/configmaps"
    subnets = ["10.1.0.0/20"]
    async with cluster_of(server) as cluster:
        assert await cluster.proxy_problem(subnets) is None  # there is no kube-proxy
        configuration = "clusterCIDR: 10.244.0.0/16\ndetectLocalMode: ''\n"
        meta = {"name": "kube-proxy"}
        server.make(path, {"metadata": meta, "data": {"config.conf": configuration}})
        trouble = await cluster.proxy_problem(subnets)
        assert trouble is not None
        assert "InterfaceNamePrefix" in trouble.reason
        configuration = "detectLocalMode: InterfaceNamePrefix\n"
        configuration += "detectLocal: {interfaceNamePrefix: oci}\n"
        patch = {"data": {"config.conf": configuration}}
        server.admin("PATCH", f"{path}/kube-proxy", patch)
        assert await cluster.proxy_problem(subnets) is None


async def test_networks_of_services_are_read(server: ApiServer) -> None:
    async with cluster_of(server) as cluster:
        before = await cluster.service_networks()
        assert before  # the API server makes its own
        body = {"metadata": {"name": "more"}, "spec": {"cidrs": ["10.97.0.0/24"]}}
        path = "/apis/networking.k8s.io/v1/servicecidrs"
        server.make(path, body)
        assert set(await cluster.service_networks()) == {*before, "10.97.0.0/24"}
        server.admin("DELETE", f"{path}/more")


async def test_events_on_pods_and_the_node(server: ApiServer) -> None:
    make_pod(server, "waits")
    uid = server.admin("GET", "/api/v1/namespaces/default/pods/waits").json()
    pod = PodRef(namespace="default", name="waits", uid=uid["metadata"]["uid"])
    async with cluster_of(server) as cluster:
        await until(lambda: names(cluster) == {"waits"})
        await cluster.post_event(
            ClusterEvent(pod=pod, reason="NoVCNAddress", message="full")
        )
        await cluster.post_event(
            ClusterEvent(pod=None, reason="Trouble", message="IMDS away")
        )
        gone = PodRef(namespace="gone", name="x", uid="x")
        await cluster.post_event(
            ClusterEvent(pod=gone, reason="NoVCNAddress", message="full")
        )
    events = server.admin("GET", "/api/v1/namespaces/default/events").json()["items"]
    # Other tests' Events may have no message.
    told = {
        (e["involvedObject"]["kind"], e["reason"], e.get("message")) for e in events
    }
    assert ("Pod", "NoVCNAddress", "full") in told
    assert ("Node", "Trouble", "IMDS away") in told
