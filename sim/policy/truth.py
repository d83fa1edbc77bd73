"""What network policies mean now: by the API server's own objects, and all links."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from sim.kubernetes.resources import (
    CLUSTER_POLICIES,
    NAMESPACES,
    NETWORK_POLICIES,
    NODES,
    PODS,
)
from sim.kubernetes.server import ApiServer
from vcnd.kube.policy import nodes as policy_nodes
from vcnd.kube.policy import pods as policy_pods
from vcnd.kube.policy import policies, wire
from vcnd.model.policy import Attached, Cluster, Labels, Policy, PolicyPod


class Truth:
    """Reads the server's objects as policies see them; each version of one, once."""

    def __init__(self, server: ApiServer) -> None:
        self._store = server.store
        self._policies: dict[tuple[str, int], Policy] = {}
        self._nodes_read: dict[tuple[str, int], policy_nodes.PolicyNode] = {}
        self._read: dict[str, tuple[int, wire.Pod]] = {}
        """Pods, and the revisions of which they were read."""

    def cluster(self, links: Mapping[str, Sequence[Attached]]) -> Cluster:
        """Return what decides about packets now.

        Args:
            links: the pods' links by node: a pod has the addresses of its link, and
                none before it has one, whatever its status tells.
        """
        return Cluster(
            namespaces=self._namespaces(),
            pods=tuple(self._pods(links)),
            policies=tuple(self._all_policies()),
            nodes=self._nodes(),
        )

    def _namespaces(self) -> dict[str, Labels]:
        found = self._store.table(NAMESPACES).objects
        return {k: x.body["metadata"].get("labels") or {} for k, x in found.items()}

    def _nodes(self) -> dict[str, tuple[str, ...]]:
        made = {}
        for stored in self._store.table(NODES).objects.values():
            key = stored.key, stored.revision
            if key not in self._nodes_read:
                found = msgspec.convert(stored.body, wire.Node)
                self._nodes_read[key] = policy_nodes.node(found)
            node = self._nodes_read[key]
            made[node.name] = node.addresses
        return made

    def _pods(self, links: Mapping[str, Sequence[Attached]]) -> Iterator[PolicyPod]:
        there = {(node, x.uid): x for node, some in links.items() for x in some}
        before, self._read = self._read, {}
        for stored in self._store.table(PODS).objects.values():
            if stored.body["spec"].get("nodeName") not in links:
                continue
            revision, found = before.get(stored.key, (0, None))
            if found is None or revision != stored.revision:
                found = msgspec.convert(stored.body, wire.Pod)
            self._read[stored.key] = stored.revision, found
            link = there.get((found.spec.node_name, found.metadata.uid))
            if link is not None:
                pod = policy_pods.pod(found, link.addresses)
                if pod is not None:
                    yield pod

    def _all_policies(self) -> Iterator[Policy]:
        for stored in self._store.table(NETWORK_POLICIES).objects.values():
            key = stored.key, stored.revision
            if key not in self._policies:
                found = msgspec.convert(stored.body, wire.NetworkPolicy)
                self._policies[key] = policies.network_policy(found).policy
            yield self._policies[key]
        for stored in self._store.table(CLUSTER_POLICIES).objects.values():
            key = stored.key, stored.revision
            if key not in self._policies:
                cluster = msgspec.convert(stored.body, wire.ClusterNetworkPolicy)
                self._policies[key] = policies.cluster_network_policy(cluster).policy
            yield self._policies[key]
