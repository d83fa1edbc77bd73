"""Every request of a node to Kubernetes, each answered with all kinds of garbage."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest
import trio

from fakeoci.api.garble import MUTATIONS
from fakeoci.world.resources import Instance
from sim.invariants import check_invariants
from sim.world import World, add, settings, until_warm, world
from tests.doubles.apiserver import MemoryApiServer
from vcnd.core.podnetwork import network_name
from vcnd.kube import services
from vcnd.kube.bodies import MANAGED_BY, NETWORKS
from vcnd.kube.cluster import KubeCluster
from vcnd.model.place import PlaceKind

Clock = trio.testing.MockClock
pytestmark = pytest.mark.slow

PODS, NAMESPACES, NODES = "/api/v1/pods", "/api/v1/namespaces", "/api/v1/nodes"
EVENTS = "/api/v1/namespaces/default/events"
PROXY = "/api/v1/namespaces/kube-system/configmaps/kube-proxy"
TAINT = "vcnd.io/not-ready"
Matches = Callable[[httpx2.Request], bool]


def lists(path: str) -> Matches:
    return lambda r: r.url.path == path and r.method == "GET" and not watches(path)(r)


def watches(path: str) -> Matches:
    return lambda r: r.url.path == path and "watch" in r.url.params


def writes(path: str, *, to_status: bool = False) -> Matches:
    return lambda r: (
        r.method != "GET"
        and r.url.path.startswith(path)
        and r.url.path.endswith("/status") is to_status
    )


OPERATIONS: dict[str, Matches] = {
    "list pods": lists(PODS),
    "list namespaces": lists(NAMESPACES),
    "list nodes": lists(NODES),
    "list networks": lists(NETWORKS),
    "watch pods": watches(PODS),
    "watch namespaces": watches(NAMESPACES),
    "watch nodes": watches(NODES),
    "watch networks": watches(NETWORKS),
    "create the network": writes(NETWORKS),
    "patch the network's status": writes(NETWORKS, to_status=True),
    "patch the node": writes(NODES),
    "patch the node's status": writes(NODES, to_status=True),
    "post an event": writes(EVENTS),
    "get kube-proxy": lists(PROXY),
    "list networks of services": lists(services.PATH),
}


def meta(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "uid": f"uid-{name}", "resourceVersion": "9", **more}


def api_server(w: World, operation: str) -> MemoryApiServer:
    server = MemoryApiServer()
    server.ends_after = 100.0
    instance = w.service.world.named(Instance, w.instance).id
    owner = {"apiVersion": "v1", "kind": "Node", "name": "node1", "uid": "uid-node1"}
    ours = meta(
        network_name(instance),
        labels={MANAGED_BY: "vcnd"},
        ownerReferences=[owner],
    )
    server.items = {
        PODS: [{"metadata": meta("web", namespace="default"), "spec": {}}],
        NAMESPACES: [{"metadata": meta("default")}],
        NODES: [
            {
                "metadata": meta("node1"),
                "spec": {"taints": [{"key": TAINT, "effect": "NoSchedule"}]},
            }
        ],
        NETWORKS: [{"metadata": ours, "spec": {}}],
    }
    if operation == "create the network":
        del server.items[NETWORKS]
    return server


@pytest.mark.parametrize("how", MUTATIONS)
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_life_with_a_bad_answer_of_kubernetes(
    autojump_clock: Clock, tmp_path: Path, operation: str, how: str
) -> None:
    w = world()
    server = api_server(w, operation)
    cluster = KubeCluster(
        server.client(tmp_path),
        node_name="node1",
        startup_taint=TAINT,
        link_prefix="oci",
        random=Random(1),
        wall_clock=w.service.clock,
    )
    server.garbage = OPERATIONS[operation], how
    async with w.node(settings(), cluster=cluster) as node:
        with trio.fail_after(900):
            await until_warm(node)
        await trio.sleep(400)
        used = server.garbage is None
        server.garbage = OPERATIONS[operation], how
        await trio.sleep(400)
        server.garbage = None
        await trio.sleep(400)
        assert used, f"{operation} was never asked for"
        assert cluster.pods() is not None
        await add(node, 1)
        check_invariants(w, node)
        assert PlaceKind.TASK not in {p.place.kind for p in node.pool.problems}
