"""Objects and clusters that the tests of the kube room share."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import trio

from integration.lab.apiserver import ApiServer
from vcnd.kube.cluster import KubeCluster
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import Credentials

INSTANCE = "ocid1.instance.oc1.iad.one"
TAINT = "vcnd.io/not-ready"
SOON_SECONDS = 120.0


def made_node(server: ApiServer, name: str) -> dict[str, Any]:
    taints = [
        {"key": TAINT, "effect": "NoSchedule"},
        {"key": "other", "effect": "NoSchedule"},
    ]
    body = {"metadata": {"name": name}, "spec": {"taints": taints}}
    return server.make("/api/v1/nodes", body)


def make_pod(
    server: ApiServer,
    name: str,
    node: str = "one",
    *,
    namespace: str = "default",
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> None:
    server.make(
        f"/api/v1/namespaces/{namespace}/pods",
        {
            "metadata": {"name": name, "annotations": annotations or {}},
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


def made_cluster(
    server: ApiServer, *, silence_seconds: float = 60.0, early: bool = False
) -> KubeCluster:
    node = server.admin("GET", "/api/v1/nodes/one").json()
    path: Path = server.write_kubeconfig(server.node_token(node))
    return KubeCluster(
        KubeClient(Credentials(path)),
        node_name="one",
        startup_taint=TAINT,
        link_prefix="oci",
        random=Random(1),
        wall_clock=lambda: 1_800_000_000.0,
        silence_seconds=silence_seconds,
        early=early,
    )


@asynccontextmanager
async def cluster_of(
    server: ApiServer, *, silence_seconds: float = 60.0
) -> AsyncIterator[KubeCluster]:
    cluster = made_cluster(server, silence_seconds=silence_seconds)
    async with trio.open_nursery() as nursery:
        await nursery.start(cluster.run)
        cluster.identify(INSTANCE)
        yield cluster
        nursery.cancel_scope.cancel()


async def until(seen: Callable[[], bool]) -> None:
    """Return when something is so: in time for a pause of 30 s between two tries."""
    with trio.fail_after(SOON_SECONDS):
        while not seen():
            await trio.sleep(0.05)


def names(cluster: KubeCluster) -> set[str]:
    return {bound.pod.name for bound in cluster.pods() or []}
