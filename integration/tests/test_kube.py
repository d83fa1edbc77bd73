"""The kube room against a real etcd and kube-apiserver."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
import structlog
import trio
from rich.console import Console

from integration.kind.cache import Cache
from integration.kind.components import BuildError
from integration.lab.apiserver import ApiServer, programs, running
from vcnd.kube import objects
from vcnd.kube.client import KubeClient
from vcnd.kube.cluster import KubeCluster
from vcnd.kube.credentials import Credentials
from vcnd.model.errors import ClusterError
from vcnd.model.ids import SubnetId, VnicId
from vcnd.model.podnetwork import NodeReport, Notice, PodNetwork, VnicReport
from vcnd.model.sandbox import PodRef
from vcnd.model.vnic import Vnic

INSTANCE = "ocid1.instance.oc1.iad.one"
SUBNET, NSG = "ocid1.subnet.oc1.iad.s", "ocid1.networksecuritygroup.oc1.iad.n"
OWN = PodNetwork(subnet_ids=(SUBNET,), nsg_ids=(NSG,), maximum=110)
TAINT = "vcnd.io/not-ready"
NPN = f"{objects.NETWORKS}/one"
POLICY = "/apis/flowcontrol.apiserver.k8s.io/v1"
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


def made_node(server: ApiServer, name: str) -> dict[str, Any]:
    taints = [
        {"key": TAINT, "effect": "NoSchedule"},
        {"key": "other", "effect": "NoSchedule"},
    ]
    body = {"metadata": {"name": name}, "spec": {"taints": taints}}
    return server.make("/api/v1/nodes", body)


def make_pod(server: ApiServer, name: str, node: str = "one", **spec: Any) -> None:
    server.make(
        "/api/v1/namespaces/default/pods",
        {
            "metadata": {"name": name},
            "spec": {
                "nodeName": node,
                "containers": [{"name": "c", "image": "c"}],
                **spec,
            },
        },
    )


def delete_pod(server: ApiServer, name: str) -> None:
    path = f"/api/v1/namespaces/default/pods/{name}?gracePeriodSeconds=0"
    assert server.admin("DELETE", path).is_success


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    try:
        found = programs(Cache(Console(stderr=True)))
    except BuildError as error:
        pytest.skip(str(error))
    with running(found, tmp_path_factory.mktemp("apiserver")) as made:
        made.deploy()
        made_node(made, "one")
        made_node(made, "two")
        yield made


@pytest.fixture(autouse=True)
def no_pods(server: ApiServer) -> None:
    """Each test starts with no pod, and with the server at hand."""
    server.admin("DELETE", "/api/v1/namespaces/default/pods?gracePeriodSeconds=0")


@asynccontextmanager
async def cluster_of(
    server: ApiServer, *, silence_seconds: float = 60.0
) -> AsyncIterator[KubeCluster]:
    node = server.admin("GET", "/api/v1/nodes/one").json()
    path: Path = server.write_kubeconfig(server.node_token(node))
    cluster = KubeCluster(
        KubeClient(Credentials(path)),
        node_name="one",
        startup_taint=TAINT,
        random=Random(1),
        wall_clock=lambda: 1_800_000_000.0,
        silence_seconds=silence_seconds,
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(cluster.run)
        cluster.identify(INSTANCE)
        yield cluster
        nursery.cancel_scope.cancel()


async def until(seen: Callable[[], bool], seconds: float = 30.0) -> None:
    with trio.fail_after(seconds):
        while not seen():
            await trio.sleep(0.05)


def names(cluster: KubeCluster) -> set[str]:
    return {pod.name for pod in cluster.pods() or []}


async def test_pods_of_this_node_alone(server: ApiServer) -> None:
    make_pod(server, "first")
    make_pod(server, "elsewhere", node="two")
    make_pod(server, "host", hostNetwork=True)
    async with cluster_of(server) as cluster:
        assert cluster.pods() is None
        await until(lambda: names(cluster) == {"first"})
        make_pod(server, "second")
        await until(lambda: names(cluster) == {"first", "second"})
        delete_pod(server, "first")
        await until(lambda: names(cluster) == {"second"})


async def test_server_restarts(server: ApiServer) -> None:
    async with cluster_of(server) as cluster:
        make_pod(server, "before")
        await until(lambda: names(cluster) == {"before"})
        await trio.to_thread.run_sync(server.stop)
        await trio.sleep(1)
        assert names(cluster) == {"before"}  # what was last known
        await trio.to_thread.run_sync(server.start)
        make_pod(server, "after")
        await until(lambda: names(cluster) == {"before", "after"})


async def test_compaction_while_we_were_away(server: ApiServer) -> None:
    """410 Gone: our version is no longer known anywhere; everything is listed anew."""
    node = server.admin("GET", "/api/v1/nodes/one").json()
    async with cluster_of(server) as cluster:
        make_pod(server, "early")
        await until(lambda: names(cluster) == {"early"})
        server.write_kubeconfig("locked-out")
        await trio.to_thread.run_sync(server.stop)
        await trio.to_thread.run_sync(server.start)
        delete_pod(server, "early")
        make_pod(server, "late")
        await trio.to_thread.run_sync(server.compact)
        # A server that starts knows no version older than what it then finds.
        await trio.to_thread.run_sync(server.stop)
        await trio.to_thread.run_sync(server.start)
        assert names(cluster) == {"early"}
        server.write_kubeconfig(server.node_token(node))
        with structlog.testing.capture_logs() as said:
            await until(lambda: names(cluster) == {"late"}, 60)
    assert "watch_expired" in {x["event"] for x in said}


async def test_watch_that_stalls(server: ApiServer) -> None:
    """The connection stays open and nothing comes: connect again."""
    async with cluster_of(server, silence_seconds=2.0) as cluster:
        make_pod(server, "before")
        await until(lambda: names(cluster) == {"before"})
        await trio.to_thread.run_sync(server.hold)
        await trio.sleep(4)
        assert names(cluster) == {"before"}
        await trio.to_thread.run_sync(server.go_on)
        make_pod(server, "after")
        await until(lambda: names(cluster) == {"before", "after"}, 60)


async def test_token_that_ends(server: ApiServer) -> None:
    """The server refuses our token: the file is read again, and its new one serves."""
    account = "/api/v1/namespaces/kube-system/serviceaccounts/vcnd"
    body = server.admin("GET", account).json()
    async with cluster_of(server) as cluster:
        await until(lambda: cluster.pods() is not None)
        assert server.admin("DELETE", account).is_success  # and all tokens of it
        await trio.to_thread.run_sync(server.stop)
        await trio.to_thread.run_sync(server.start)
        meta = {"name": "vcnd", "namespace": "kube-system"}
        await trio.sleep(2)
        server.make(account.rpartition("/")[0], {**body, "metadata": meta})
        make_pod(server, "unseen")
        await trio.sleep(2)
        assert names(cluster) == set()
        node = server.admin("GET", "/api/v1/nodes/one").json()
        server.write_kubeconfig(server.node_token(node))
        await until(lambda: names(cluster) == {"unseen"}, 60)


async def test_priority_and_fairness_says_429(server: ApiServer) -> None:
    limited = {
        "type": "Limited",
        "limited": {
            "nominalConcurrencyShares": 0,
            "lendablePercent": 0,
            "borrowingLimitPercent": 0,
            "limitResponse": {"type": "Reject"},
        },
    }
    server.make(
        f"{POLICY}/prioritylevelconfigurations",
        {"metadata": {"name": "none"}, "spec": limited},
    )
    user = {"name": "vcnd", "namespace": "kube-system"}
    rule = {
        "subjects": [{"kind": "ServiceAccount", "serviceAccount": user}],
        "resourceRules": [
            {
                "verbs": ["*"],
                "apiGroups": ["*"],
                "resources": ["*"],
                "clusterScope": True,
                "namespaces": ["*"],
            }
        ],
    }
    schema = server.make(
        f"{POLICY}/flowschemas",
        {
            "metadata": {"name": "none"},
            "spec": {
                "matchingPrecedence": 2,
                "priorityLevelConfiguration": {"name": "none"},
                "rules": [rule],
            },
        },
    )
    node = server.admin("GET", "/api/v1/nodes/one").json()
    token = server.node_token(node)

    path = "/api/v1/pods?fieldSelector=spec.nodeName%3Done"

    def in_force() -> bool:
        headers = server.as_token(token, "GET", path).headers
        uid: str = schema["metadata"]["uid"]
        return headers.get("x-kubernetes-pf-flowschema-uid") == uid

    await until(in_force)
    # A level of no shares serves one request at a time: one whose body never ends.
    busy = server.unfinished_request(token, "/api/v1/namespaces/default/events")
    make_pod(server, "one")
    try:
        with structlog.testing.capture_logs() as said:
            async with cluster_of(server) as cluster:
                await trio.sleep(3)
                assert cluster.pods() is None
                busy.close()
                await until(lambda: names(cluster) == {"one"}, 60)
        assert any("429" in x.get("reason", "") for x in said)
    finally:
        busy.close()
        server.admin("DELETE", f"{POLICY}/flowschemas/none")
        server.admin("DELETE", f"{POLICY}/prioritylevelconfigurations/none")


async def test_network_is_made_told_and_mended(server: ApiServer) -> None:
    async with cluster_of(server) as cluster:
        await until(lambda: cluster.pods() is not None)

        async def network() -> PodNetwork:
            return await cluster.network(OWN)

        def tainted() -> bool:
            node = server.admin("GET", "/api/v1/nodes/one").json()
            return TAINT in {t["key"] for t in node["spec"]["taints"]}

        with trio.fail_after(30):
            while not server.admin("GET", NPN).is_success:
                assert await network() == OWN
                await trio.sleep(0.1)
        said = server.admin("GET", NPN).json()
        assert said["spec"]["podSubnetIds"] == [SUBNET]
        assert said["metadata"]["ownerReferences"][0]["name"] == "one"
        # It is there; its status and the node follow.
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
        # Our own is brought to a changed configuration …
        other = PodNetwork(subnet_ids=(f"{SUBNET}2",), nsg_ids=(), maximum=110)
        assert await cluster.network(other) == other
        said = server.admin("GET", NPN).json()
        assert said["spec"]["podSubnetIds"] == [f"{SUBNET}2"]
        # … and somebody else's is obeyed, or refused with the field's name.
        server.admin("DELETE", NPN)
        theirs = {"id": INSTANCE, "podSubnetIds": [f"{SUBNET}3"], "maxPodCount": 20}
        body = {
            "apiVersion": objects.GROUP_VERSION,
            "kind": "NativePodNetwork",
            "metadata": {"name": "one"},
            "spec": theirs,
        }
        server.make(objects.NETWORKS, body)
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
                except ClusterError as error:
                    refusal = str(error)
                await trio.sleep(0.1)
        assert "podSubnetIds" in refusal
        server.admin("DELETE", NPN)


async def test_events_on_pods_and_the_node(server: ApiServer) -> None:
    make_pod(server, "waits")
    uid = server.admin("GET", "/api/v1/namespaces/default/pods/waits").json()
    pod = PodRef(namespace="default", name="waits", uid=uid["metadata"]["uid"])
    async with cluster_of(server) as cluster:
        await until(lambda: names(cluster) == {"waits"})
        await cluster.tell(Notice(pod=pod, reason="NoVCNAddress", message="full"))
        await cluster.tell(Notice(pod=None, reason="Trouble", message="IMDS away"))
        gone = PodRef(namespace="gone", name="x", uid="x")
        await cluster.tell(Notice(pod=gone, reason="NoVCNAddress", message="full"))
    said = server.admin("GET", "/api/v1/namespaces/default/events").json()["items"]
    told = {(e["involvedObject"]["kind"], e["reason"], e["message"]) for e in said}
    assert ("Pod", "NoVCNAddress", "full") in told
    assert ("Node", "Trouble", "IMDS away") in told


async def test_a_node_writes_only_its_own(server: ApiServer) -> None:
    """What deploy/base/admission.yaml is for."""
    node = server.admin("GET", "/api/v1/nodes/one").json()
    token = server.node_token(node)
    owner = {"apiVersion": "v1", "kind": "Node", "name": "two", "uid": "x"}
    network = {
        "apiVersion": objects.GROUP_VERSION,
        "kind": "NativePodNetwork",
        "metadata": {"name": "two", "ownerReferences": [owner]},
        "spec": {"id": "x"},
    }
    other_token = {
        "spec": {"boundObjectRef": {"apiVersion": "v1", "kind": "Node", "name": "two"}}
    }
    event = {
        "metadata": {"name": "e", "namespace": "default"},
        "involvedObject": {"kind": "Node", "name": "two"},
        "reportingInstance": "two",
        "reportingComponent": "vcnd",
    }
    tries: list[tuple[str, str, Any]] = [
        ("PATCH", "/api/v1/nodes/two", {"spec": {"taints": []}}),
        ("PATCH", "/api/v1/nodes/one", {"metadata": {"labels": {"a": "b"}}}),
        (
            "PATCH",
            "/api/v1/nodes/one",
            {"spec": {"taints": [{"key": "new", "effect": "NoSchedule"}]}},
        ),
        ("POST", objects.NETWORKS, network),
        ("POST", "/api/v1/namespaces/default/events", event),
        (
            "POST",
            "/api/v1/namespaces/kube-system/serviceaccounts/vcnd/token",
            other_token,
        ),
        ("DELETE", "/api/v1/nodes/one", None),
        ("GET", "/api/v1/namespaces/kube-system/secrets", None),
    ]

    def refused(method: str, path: str, body: Any) -> bool:
        code: int = server.as_token(token, method, path, body).status_code
        return code in (403, 422)

    # Policies take a moment until they are in force.
    await until(lambda: refused(*tries[0]))
    for one in tries:
        assert refused(*one), one
    taints = [t for t in node["spec"]["taints"] if t["key"] == "other"]
    own = server.as_token(
        token, "PATCH", "/api/v1/nodes/one", {"spec": {"taints": taints}}
    )
    assert own.is_success, own.text
