"""A cluster as one node sees it.

What is attached on the node counts more than what the cluster says: the cluster learns
a new pod's address late, and may still have it at the pod that had it before.
"""

from collections.abc import Collection, Container, Sequence

from msgspec.structs import replace

from vcnd.model.policy import Attached, Cluster


def node_view(
    cluster: Cluster, here: Sequence[Attached], own: Collection[str]
) -> Cluster:
    """Return a cluster in which each address is where the node knows it to be.

    Args:
        cluster: what the API server tells.
        here: the pods' links on the node.
        own: the node's addresses.
    """
    named = {a.name for a in here if a.name}
    taken = {address for a in here for address in a.addresses}
    pods = []
    nodes = dict(cluster.nodes)
    for pod in cluster.pods:
        its = [a for a in here if a.is_of(pod)] if pod.name in named else []
        addresses = tuple(address for a in its for address in a.addresses)
        if addresses:
            both = (*nodes.get(pod.node, ()), *own)
            nodes[pod.node] = tuple(dict.fromkeys(both))
        elif taken.isdisjoint(pod.addresses):
            pods.append(pod)
            continue
        else:
            addresses = tuple(a for a in pod.addresses if a not in taken)
        pods.append(replace(pod, addresses=tuple(addresses)))
    return replace(cluster, pods=tuple(pods), nodes=nodes)


def why_unknown(cluster: Cluster, attached: Attached) -> str:
    """Return why nobody can tell which policies are about a pod; empty: it is known.

    Args:
        cluster: what the API server tells.
        attached: the link.
    """
    is_told = any(attached.is_of(pod) for pod in cluster.pods)
    return why_closed(attached, cluster.namespaces, is_told=is_told)


def why_closed(attached: Attached, namespaces: Container[str], *, is_told: bool) -> str:
    """Return what is lacking to know a pod; empty: nothing.

    Args:
        attached: the pod's link.
        namespaces: those that the API server has told of.
        is_told: whether it has told of the pod.
    """
    if not attached.name and not attached.uid:
        return "the link has no name of a pod"
    if not is_told:
        return "the API server has not told of the pod yet, or it has ended"
    if attached.namespace not in namespaces:
        return "the API server has not told of the pod's namespace yet"
    return ""
