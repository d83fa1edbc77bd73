"""What must hold in Kubernetes for a node whose daemon serves, once all is well."""

from collections.abc import Iterator
from typing import Any

from sim.kubernetes.adapter import missed
from sim.kubernetes.control_plane import STARTUP_TAINT
from sim.kubernetes.resources import NETWORKS, NODES
from sim.kubernetes.server import ApiServer
from vcnd.core.podnetwork import network_name
from vcnd.kube.bodies import CONDITION
from vcnd.kube.cluster import KubeCluster


def wrong(
    server: ApiServer, cluster: KubeCluster, node: str, instance_id: str
) -> Iterator[str]:
    """Yield what a node's daemon does not know, or has not written.

    Args:
        server: the API server.
        cluster: what the daemon follows.
        node: its node's name.
        instance_id: its instance's.
    """
    if pods := missed(server, cluster, node):
        yield f"pods {sorted(pods)} are not known, or gone"
    if failing := cluster.unfollowed():
        yield f"it does not follow {sorted(failing)}"
    stored = server.store.table(NODES).objects.get(node)
    if stored is None:
        yield "its Node is not there"
        return
    body = stored.body
    if STARTUP_TAINT in {t["key"] for t in body["spec"].get("taints") or []}:
        yield "the start-up taint is there"
    conditions = {c["type"]: c["status"] for c in body["status"]["conditions"]}
    if conditions.get(CONDITION) != "False":
        yield "the network's condition is not there"
    table = server.store.table(NETWORKS).objects
    network = table.get(network_name(instance_id))
    if network is None:
        yield "its NativePodNetwork is not there"
    else:
        yield from _wrong_network(network.body, body["metadata"]["uid"])


def _wrong_network(network: dict[str, Any], node_uid: str) -> Iterator[str]:
    owners = [x["uid"] for x in network["metadata"].get("ownerReferences", [])]
    if owners != [node_uid]:
        yield "the NativePodNetwork has another owner"
    if network.get("status", {}).get("state") != "SUCCESS":
        yield f"the NativePodNetwork's status is {network.get('status')}"
