"""The daemon's own adapter of Kubernetes on the simulated API server."""

from random import Random

from msgspec.structs import replace

from sim.kubernetes.server import ApiServer
from sim.kubernetes.transport import client
from vcnd.config import Config
from vcnd.daemon import kube_cluster
from vcnd.kube.cluster import KubeCluster


def cluster_of(
    server: ApiServer, config: Config, *, node: str, random: Random
) -> KubeCluster:
    """Return a node's ``Cluster`` port: what the daemon would make.

    Args:
        server: the API server.
        config: the daemon's; whatever it says of Kubernetes, this node is meant.
        node: the node's name.
        random: for jitter.
    """
    kubernetes = replace(config.kubernetes, node_name=node)
    made = kube_cluster(
        replace(config, kubernetes=kubernetes),
        random,
        server.wall_clock,
        client(server, "vcnd", node),
    )
    assert made is not None
    return made
