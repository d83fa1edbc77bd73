"""The daemon's own adapter of Kubernetes on the simulated API server."""

from collections.abc import Callable
from random import Random

from msgspec.structs import replace

from sim.kubernetes.connection import Through, client, directly
from sim.kubernetes.resources import PODS
from sim.kubernetes.server import ApiServer
from sim.kubernetes.writes import ENDED
from vcnd.config import Config
from vcnd.daemon import kube_cluster
from vcnd.kube.cluster import KubeCluster


def cluster_of(
    server: ApiServer,
    config: Config,
    *,
    node: str,
    random: Random,
    wall_clock: Callable[[], float] | None = None,
    through: Through = directly,
) -> KubeCluster:
    """Return a node's ``Cluster`` port: what the daemon would make.

    Args:
        server: the API server.
        config: the daemon's; whatever it says of Kubernetes, this node is meant.
        node: the node's name.
        random: for jitter.
        wall_clock: the node's Unix time; None: the server's.
        through: wraps the way to the server: a node that is cut off, a life that ends.
    """
    kubernetes = replace(config.kubernetes, node_name=node)
    made = kube_cluster(
        replace(config, kubernetes=kubernetes),
        random,
        wall_clock or server.wall_clock,
        client(server, "vcnd", node, through),
    )
    assert made is not None
    return made


def missed(server: ApiServer, cluster: KubeCluster, node: str) -> set[str]:
    """Return what a node's daemon has wrong: pods bound there, by namespace and name.

    Pods that it does not know, and those that it knows and that are gone or ending.
    Once all news have had time to arrive there are none.
    """
    known = {(x.pod.namespace, x.pod.name, x.pod.uid) for x in cluster.pods() or []}
    there = set()
    for stored in server.objects(PODS):
        meta, spec = stored.body["metadata"], stored.body["spec"]
        ended = stored.body["status"]["phase"] in ENDED or "deletionTimestamp" in meta
        if spec.get("nodeName") == node and not ended and not spec.get("hostNetwork"):
            there.add((meta["namespace"], meta["name"], meta["uid"]))
    return {f"{namespace}/{name}" for namespace, name, _ in known ^ there}
