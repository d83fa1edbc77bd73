"""Changes of the cluster that ring the flows' bell, and the fields that are kept."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio

from tests.doubles.apiserver import MemoryApiServer
from tests.kubeapi.test_cache import line, pod
from vcnd.core.requests import NSG_IDS
from vcnd.kube.cluster import KubeCluster
from vcnd.model.errors import ClusterError, PodNetworkError
from vcnd.model.podnetwork import PodNetwork
from vcnd.model.report import ClusterEvent, NodeReport
from vcnd.model.request import PodRequest
from vcnd.model.sandbox import PodRef

Clock = trio.testing.MockClock
PODS, NAMESPACES, NODES = "/api/v1/pods", "/api/v1/namespaces", "/api/v1/nodes"
NETWORKS = "/apis/oci.oraclecloud.com/v1beta1/nativepodnetworks"
QUIET_SECONDS = 60.0
EVENT = ClusterEvent(pod=None, reason="Test", message="x")


class Indexed(dict[str, Any]):
    """Allows look-ups by key, but no iteration."""

    def values(self) -> Any:
        raise AssertionError

    items = keys = __iter__ = values


def pod_of(namespace: str, version: str, **more: Any) -> dict[str, Any]:
    body = pod("p", version)
    body["metadata"] |= {"namespace": namespace, **more.pop("metadata", {})}
    return body | more


def namespace(name: str, version: str, **annotations: str) -> dict[str, Any]:
    meta = {"name": name, "uid": name, "resourceVersion": version}
    return {"metadata": {**meta, "annotations": annotations, "labels": {"a": version}}}


def node(version: str, *taints: str, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "one", "uid": "one", "resourceVersion": version},
        "spec": {"taints": [{"key": t, "effect": "NoSchedule"} for t in taints]},
        "status": status,
    }


@pytest.fixture
def server() -> MemoryApiServer:
    made = MemoryApiServer()
    made.items = {
        PODS: [pod_of("shop", "5")],
        NAMESPACES: [namespace("shop", "3"), namespace("far", "4")],
        NODES: [node("6")],
    }
    return made


@asynccontextmanager
async def following(
    server: MemoryApiServer, folder: Path, *, early: bool = False
) -> AsyncIterator[KubeCluster]:
    cluster = KubeCluster(
        server.client(folder),
        node_name="one",
        startup_taint="vcnd.io/not-ready",
        link_prefix="oci",
        random=Random(1),
        wall_clock=lambda: 1_800_000_000.0,
        early=early,
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(cluster.run)
        cluster.identify("ocid1.instance.oc1.iad.one")
        yield cluster
        nursery.cancel_scope.cancel()


async def rings(server: MemoryApiServer, folder: Path, path: str, line: str) -> bool:
    """Return True if a line of a watch rings after all lists are synced."""
    server.ends_after = 30.0  # then the watch opens again and sends the line
    async with following(server, folder) as cluster:
        await trio.sleep(1)
        with trio.move_on_after(1):
            await cluster.until_changed()
        server.lines[path] = [line]
        with trio.move_on_after(QUIET_SECONDS) as waiting:
            await cluster.until_changed()
        assert path not in server.lines  # the line was sent
        return not waiting.cancelled_caught


HEARTBEAT = {
    "conditions": [{"type": "Ready", "status": "True"}],
    "capacity": {"a": "1"},
}


def asks(annotations: dict[str, str]) -> PodRequest:
    return PodRequest(annotations=annotations)


OURS = {NSG_IDS: "ocid1.networksecuritygroup.oc1.iad.a"}


@pytest.mark.parametrize(
    ("path", "kind", "thing"),
    [
        (NODES, "MODIFIED", node("11", **HEARTBEAT)),
        (NAMESPACES, "MODIFIED", namespace("far", "11", **OURS)),
        (NAMESPACES, "MODIFIED", namespace("shop", "11", other="changed")),
        (NAMESPACES, "ADDED", namespace("new", "11", **OURS)),
        (NAMESPACES, "DELETED", namespace("far", "11")),
        (PODS, "MODIFIED", pod_of("shop", "11", status={"phase": "Running"})),
        (PODS, "MODIFIED", pod_of("shop", "11", metadata={"labels": {"a": "b"}})),
        (PODS, "BOOKMARK", {"metadata": {"resourceVersion": "11"}}),
    ],
)
async def test_unread_fields_ring_no_bell(
    autojump_clock: Clock,
    tmp_path: Path,
    server: MemoryApiServer,
    path: str,
    kind: str,
    thing: Any,
) -> None:
    assert not await rings(server, tmp_path, path, line(kind, thing))


@pytest.mark.parametrize(
    ("path", "kind", "thing"),
    [
        (NODES, "MODIFIED", node("11", "vcnd.io/not-ready")),
        (NAMESPACES, "MODIFIED", namespace("shop", "11", **OURS)),
        (NAMESPACES, "DELETED", namespace("shop", "11")),
        (NAMESPACES, "ADDED", {"metadata": {"name": "x", "uid": 5}}),
        (PODS, "MODIFIED", pod_of("shop", "11", status={"phase": "Succeeded"})),
        (PODS, "MODIFIED", pod_of("shop", "11", metadata={"annotations": OURS})),
        (PODS, "DELETED", pod_of("shop", "11")),
        (PODS, "ADDED", {**pod("new", "11"), "spec": 5}),
    ],
)
async def test_read_fields_ring_the_bell(
    autojump_clock: Clock,
    tmp_path: Path,
    server: MemoryApiServer,
    path: str,
    kind: str,
    thing: Any,
) -> None:
    assert await rings(server, tmp_path, path, line(kind, thing))


async def test_of_namespaces_the_metadata_alone_is_asked_for(
    autojump_clock: Clock, tmp_path: Path, server: MemoryApiServer
) -> None:
    server.items[NAMESPACES] += [namespace(f"n{n}", "5", a="b") for n in range(2000)]
    server.items[NAMESPACES][0]["metadata"]["annotations"] = {**OURS, "other": "x"}
    async with following(server, tmp_path) as cluster:
        await trio.sleep(5)
        assert [b.request.annotations for b in cluster.pods() or []] == [OURS]
        known = PodRef(namespace="shop", name="p", uid="p")
        assert cluster.request(known, {"c": "d"}) == asks({**OURS, "c": "d"})
        # Look-ups are by name: a pod's cost does not grow with the cluster.
        cache = cluster._namespaces.cache
        cache.objects = Indexed(cache.objects)
        assert [b.request.annotations for b in cluster.pods() or []] == [OURS]
        assert cluster.request(known, {}) == asks(OURS)
        # Only the name of another namespace is kept.
        kept = cluster._namespaces.cache.objects["n1"].metadata
        assert (kept.annotations, kept.labels) == ({}, {})
    accepts = {
        ("watch" in r.url.params): r.headers["accept"].partition(",")[0]
        for r in server.asked
        if r.url.path == NAMESPACES
    }
    start, end = "application/json;as=PartialObjectMetadata", ";v=v1;g=meta.k8s.io"
    assert accepts == {False: f"{start}List{end}", True: f"{start}{end}"}
    others = {r.headers["accept"] for r in server.asked if r.url.path != NAMESPACES}
    assert others == {"application/json"}


async def test_a_network_that_cannot_be_decoded_is_not_made_anew(
    autojump_clock: Clock, tmp_path: Path, server: MemoryApiServer
) -> None:
    server.items[NETWORKS] = [
        {"metadata": {"name": "one", "uid": "n"}, "spec": {"podSubnetIds": "s"}}
    ]
    async with following(server, tmp_path) as cluster:
        await trio.sleep(5)
        with pytest.raises(PodNetworkError, match=r"one cannot be decoded.*podSubnet"):
            await cluster.network(PodNetwork(subnet_ids=("s",)))
        assert cluster.undecodable().keys() == {"NativePodNetwork"}
        assert "one is skipped" in cluster.undecodable()["NativePodNetwork"]
    assert {r.method for r in server.asked} == {"GET"}


def network_of(*owners: str) -> dict[str, Any]:
    meta = {"name": "one", "uid": "n", "resourceVersion": "7"}
    references = [{"kind": "Node", "name": name, "uid": name} for name in owners]
    spec = {
        "id": "ocid1.instance.oc1.iad.one",
        "podSubnetIds": ["ocid1.subnet.oc1.iad.s"],
        "maxPodCount": 20,
    }
    return {"metadata": {**meta, "ownerReferences": references}, "spec": spec}


@pytest.mark.parametrize(("owner", "written"), [("one", True), ("", False)])
async def test_the_status_is_written_where_the_object_is_ours(
    autojump_clock: Clock,
    tmp_path: Path,
    server: MemoryApiServer,
    owner: str,
    written: bool,
) -> None:
    """The spec of an object without an owner is followed even so."""
    server.items[NETWORKS] = [network_of(*([owner] if owner else []))]
    async with following(server, tmp_path) as cluster:
        await trio.sleep(5)
        asked = await cluster.network(PodNetwork(subnet_ids=("s",)))
        assert asked is not None
        assert asked.maximum == 20
        await cluster.publish(NodeReport(state="IN_PROGRESS", reason="x"))
    paths = [r.url.path for r in server.asked if r.method == "PATCH"]
    assert paths == ([f"{NETWORKS}/one/status"] if written else [])


async def test_network_that_was_not_read_is_not_the_configurations(
    autojump_clock: Clock, tmp_path: Path, server: MemoryApiServer
) -> None:
    """Else the node would retire VNICs, and change NSGs, though nobody asked for it."""
    server.list_text = "<html>"
    async with following(server, tmp_path) as cluster:
        await trio.sleep(5)
        assert await cluster.network(PodNetwork(subnet_ids=("s",))) is None
    assert {r.method for r in server.asked} == {"GET"}


async def test_a_network_of_another_node_is_not_followed(
    autojump_clock: Clock, tmp_path: Path, server: MemoryApiServer
) -> None:
    server.items[NETWORKS] = [network_of("two")]
    async with following(server, tmp_path) as cluster:
        await trio.sleep(5)
        with pytest.raises(PodNetworkError, match="owned by Node two"):
            await cluster.network(PodNetwork(subnet_ids=("s",)))
        await cluster.publish(NodeReport(state="IN_PROGRESS", reason="x"))
    assert {r.method for r in server.asked} == {"GET"}


async def test_a_pod_waits_for_its_namespace_to_be_known(
    autojump_clock: Clock, tmp_path: Path, server: MemoryApiServer
) -> None:
    """Two watches have no order, and the namespace may request NSGs for the pod."""
    server.items[PODS] = [pod_of("new", "5")]
    server.ends_after = 30.0
    async with following(server, tmp_path) as cluster:
        await trio.sleep(5)
        known = PodRef(namespace="new", name="p", uid="p")
        assert cluster.pods() == []
        assert cluster.request(known, None) is None
        assert cluster.request(known, {}) is None
        server.lines[NAMESPACES] = [line("ADDED", namespace("new", "11", **OURS))]
        with trio.fail_after(40):
            while not cluster.pods():
                await cluster.until_changed()
        assert cluster.request(known, None) == asks(OURS)
        assert cluster.request(known, {}) == asks(OURS)


async def test_refused_write_stops_no_other(
    autojump_clock: Clock, tmp_path: Path, server: MemoryApiServer
) -> None:
    server.items[NETWORKS] = [network_of("one")]
    server.items[NODES] = [node("6", "vcnd.io/not-ready")]
    server.refusals = [422, 403]
    async with following(server, tmp_path) as cluster:
        await trio.sleep(5)
        with pytest.raises(ClusterError, match="422"):
            await cluster.publish(NodeReport(state="SUCCESS", reason="COMPLETED"))
    patched = [r.url.path for r in server.asked if r.method == "PATCH"]
    assert patched == [f"{NETWORKS}/one/status", f"{NODES}/one/status", f"{NODES}/one"]


@pytest.mark.parametrize("status", [400, 403, 404, 413, 422])
async def test_event_refused_for_good_is_dropped(
    autojump_clock: Clock, tmp_path: Path, server: MemoryApiServer, status: int
) -> None:
    """An Event in a terminating namespace, for example, must not stop the next ones."""
    server.refusals = [status]
    async with following(server, tmp_path) as cluster:
        await cluster.post_event(EVENT)


@pytest.mark.parametrize("status", [401, 429, 500, 503])
async def test_an_event_that_may_be_posted_later_is_an_error(
    autojump_clock: Clock, tmp_path: Path, server: MemoryApiServer, status: int
) -> None:
    server.refusals = [status, status]
    async with following(server, tmp_path) as cluster:
        with pytest.raises(ClusterError):
            await cluster.post_event(EVENT)


async def test_an_event_of_a_pod_with_the_longest_name_has_a_name(
    autojump_clock: Clock, tmp_path: Path, server: MemoryApiServer
) -> None:
    long = PodRef(namespace="shop", name=("a" * 234 + "-.") + "b" * 17, uid="u")
    async with following(server, tmp_path) as cluster:
        await cluster.post_event(ClusterEvent(pod=long, reason="R", message="m"))
    (posted,) = [r for r in server.asked if r.method == "POST"]
    name = json.loads(posted.content)["metadata"]["name"]
    assert len(name) <= 253
    assert all(part and part[-1].isalnum() for part in name.split("."))


async def test_a_conflict_with_a_heartbeat_is_tried_again_at_the_next(
    autojump_clock: Clock, tmp_path: Path, server: MemoryApiServer
) -> None:
    """The taint goes a moment after the node serves, not half a minute later."""
    up = {"type": "NetworkUnavailable", "status": "False"}
    server.items[NODES] = [node("6", "vcnd.io/not-ready", conditions=[up])]
    server.refusals = [409]
    report = NodeReport(state="SUCCESS", reason="COMPLETED")
    server.ends_after = 10.0
    async with following(server, tmp_path) as cluster:
        await trio.sleep(1)
        with trio.move_on_after(1):
            await cluster.until_changed()
        await cluster.publish(report)
        heartbeat = node("11", "vcnd.io/not-ready", conditions=[up])
        server.lines[NODES] = [line("MODIFIED", heartbeat)]
        with trio.fail_after(11):
            await cluster.until_changed()
        await cluster.publish(report)
    patched = [r.content for r in server.asked if r.method == "PATCH"]
    versions = [f'"resourceVersion":"{n}"'.encode() for n in (6, 11)]
    assert [v in p for v, p in zip(versions, patched, strict=True)] == [True, True]
