"""Those who write to the API server from inside: scheduler, controllers, kubelets.

Plain methods: who drives a simulation calls them when the thing happens.  They reach
the store also while nodes do not reach the server.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sim.kubernetes.resources import (
    CLUSTER_POLICIES,
    NAMESPACES,
    NETWORK_POLICIES,
    NETWORKS,
    NODES,
    PODS,
    Body,
    Resource,
    route,
)
from sim.kubernetes.server import ApiServer
from sim.kubernetes.writes import STRATEGIC

STARTUP_TAINT = "vcnd.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
LOST_SECONDS = 40.0
"""The node controller's grace period: then a silent node is not ready."""
EVICTION_SECONDS = 300.0
"""Pods of a node that is not ready are deleted after this."""


class ControlPlane:
    """A cluster's control plane, and the part of its kubelets that it hears of."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server

    # Nodes

    def add_node(self, name: str, *, address: str, taints: Sequence[str] = ()) -> Body:
        """Let a node register; its taints keep pods away."""
        keys = taints or (STARTUP_TAINT,)
        return self.server.make(
            NODES.path,
            {
                "metadata": {
                    "name": name,
                    "labels": {"kubernetes.io/hostname": name},
                },
                "spec": {"taints": [{"key": k, "effect": "NoSchedule"} for k in keys]},
                "status": {
                    "addresses": [
                        {"type": "InternalIP", "address": address},
                        {"type": "Hostname", "address": name},
                    ],
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "capacity": {"pods": "110"},
                },
            },
        )

    def heartbeat(self, name: str) -> None:
        """Let a node's kubelet tell that it is there: every five minutes it does."""
        at = self.server.writes.timestamp()
        ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": at}
        path = f"{NODES.path}/{name}/status"
        self.server.patch(path, {"status": {"conditions": [ready]}}, STRATEGIC)

    def cordon(self, name: str, *, off: bool = False) -> None:
        """Keep new pods away from a node, or no more."""
        path = f"{NODES.path}/{name}"
        self.server.patch(path, {"spec": {"unschedulable": None if off else True}})

    def lose(self, name: str) -> None:
        """Note that a node has been silent for ``LOST_SECONDS``."""
        path = f"{NODES.path}/{name}"
        unknown = {"type": "Ready", "status": "Unknown"}
        self.server.patch(
            f"{path}/status", {"status": {"conditions": [unknown]}}, STRATEGIC
        )
        self._taint(path, UNREACHABLE, present=True)

    def find(self, name: str) -> None:
        """Note that a lost node is there again."""
        self.heartbeat(name)
        self._taint(f"{NODES.path}/{name}", UNREACHABLE, present=False)

    def _taint(self, path: str, key: str, *, present: bool) -> None:
        where = route(path)
        assert where is not None
        spec = self.server.writes.found(where).body["spec"]
        taints = [t for t in spec.get("taints") or [] if t["key"] != key]
        if present:
            taints.append({"key": key, "effect": "NoExecute"})
        self.server.patch(path, {"spec": {"taints": taints}})

    def reboot(self, name: str, *, boot_id: str) -> None:
        """Note that a node's kubelet is there again, after another boot."""
        self.heartbeat(name)
        info = {"status": {"nodeInfo": {"bootID": boot_id}}}
        self.server.patch(f"{NODES.path}/{name}/status", info)

    def rename(self, name: str, new: str, *, address: str) -> None:
        """Let a node register by another name; its pods do not come along."""
        self.remove_node(name)
        self.add_node(new, address=address)

    def remove_node(self, name: str) -> None:
        """Delete a node's object, and with it what it owns, and its pods."""
        self.server.delete(f"{NODES.path}/{name}")
        self.collect_garbage()
        for pod in self.pods_on(name):
            self.end_pod(pod)

    def collect_garbage(self) -> None:
        """Delete objects whose owning Node is gone."""
        there = {x.body["metadata"]["uid"] for x in self.server.objects(NODES)}
        for stored in list(self.server.objects(NETWORKS)):
            owners = stored.body["metadata"].get("ownerReferences") or []
            if owners and there.isdisjoint(x["uid"] for x in owners):
                self.server.delete(f"{NETWORKS.path}/{stored.key}")

    # Pods

    def create_pod(
        self,
        namespace: str,
        name: str,
        *,
        node: str = "",
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        grace: int = 30,
        uid: str = "",
        **spec: Any,
    ) -> Body:
        """Create a pod, bound at once if a node is named; return it."""
        body: Body = {
            "metadata": {
                "name": name,
                "labels": dict(labels or {}),
                "annotations": dict(annotations or {}),
            },
            "spec": {
                "containers": [{"name": "c", "image": "c"}],
                "terminationGracePeriodSeconds": grace,
                **spec,
            },
        }
        if node:
            body["spec"]["nodeName"] = node
        return self.server.make(_path(PODS, namespace), body, uid=uid)

    def bind(self, pod: Body, node: str) -> None:
        """Bind a pod to a node: the scheduler has chosen it."""
        self.server.patch(path_of(pod), {"spec": {"nodeName": node}})

    def schedulable(self) -> Iterator[str]:
        """Yield the nodes that take new pods."""
        for stored in self.server.objects(NODES):
            if self.takes_pods(stored.key):
                yield stored.key

    def takes_pods(self, node: str) -> bool:
        """Return True if a node takes new pods."""
        stored = self.server.store.table(NODES).objects.get(node)
        spec = stored.body["spec"] if stored else {"unschedulable": True}
        return not spec.get("taints") and not spec.get("unschedulable")

    def started(self, pod: Body, addresses: Sequence[str]) -> None:
        """Let the kubelet tell that a pod runs: a second after its ADD it does."""
        self._tell(
            pod,
            {
                "phase": "Running",
                "podIP": addresses[0] if addresses else None,
                "podIPs": [{"ip": x} for x in addresses],
            },
        )

    def finished(self, pod: Body, *, phase: str = "Succeeded") -> None:
        """Let the kubelet tell that a pod's containers have ended for good."""
        self._tell(pod, {"phase": phase})

    def _tell(self, pod: Body, status: Body) -> None:
        if self.now(pod) is not None:
            self.server.patch(f"{path_of(pod)}/status", {"status": status})

    def delete_pod(self, pod: Body, *, grace: int | None = None) -> None:
        """Begin to delete a pod; who runs it ends it later (``end_pod``)."""
        if self.now(pod) is not None:
            self.server.delete(path_of(pod), grace=grace)

    def end_pod(self, pod: Body) -> None:
        """Let the kubelet tell that nothing of a pod is left: its object goes."""
        self.delete_pod(pod, grace=0)

    def drain(self, node: str) -> list[Body]:
        """Keep new pods away, and delete those that are there; return these."""
        self.cordon(node)
        pods = list(self.pods_on(node))
        for pod in pods:
            self.delete_pod(pod)
        return pods

    def label_pod(self, pod: Body, labels: Mapping[str, str | None]) -> None:
        """Change a pod's labels; None takes one away."""
        if self.now(pod) is not None:
            self.server.patch(path_of(pod), {"metadata": {"labels": dict(labels)}})

    def now(self, pod: Body) -> Body | None:
        """Return a pod as it is now; None if it is gone: a name may be another's."""
        where = route(path_of(pod))
        assert where is not None
        stored = self.server.store.table(PODS).objects.get(where.key)
        if stored is None or _uid(stored.body) != _uid(pod):
            return None
        return stored.body

    def pods_on(self, node: str) -> Iterator[Body]:
        """Yield the pods that are bound to a node."""
        for stored in list(self.server.objects(PODS)):
            if stored.body["spec"].get("nodeName") == node:
                yield stored.body

    # Namespaces and policies

    def add_namespace(
        self, name: str, *, labels: Mapping[str, str] | None = None
    ) -> None:
        """Create a namespace."""
        meta = {"name": name, "labels": dict(labels or {})}
        self.server.make(NAMESPACES.path, {"metadata": meta})

    def label_namespace(self, name: str, labels: Mapping[str, str | None]) -> None:
        """Change a namespace's labels; None takes one away."""
        path = f"{NAMESPACES.path}/{name}"
        self.server.patch(path, {"metadata": {"labels": dict(labels)}})

    def end_namespace(self, name: str) -> None:
        """Delete a namespace and all that is in it; running pods end at once."""
        self.server.delete(f"{NAMESPACES.path}/{name}")
        for resource in (PODS, NETWORK_POLICIES):
            for stored in list(self.server.objects(resource)):
                if stored.body["metadata"]["namespace"] == name:
                    self.server.delete(path_of(stored.body), grace=0)
        self.server.patch(f"{NAMESPACES.path}/{name}", {"spec": {"finalizers": None}})

    def put_policy(self, body: Body) -> None:
        """Create a policy, or give it another spec."""
        where = route(path_of(body))
        assert where is not None
        if where.key in self.server.store.table(where.resource).objects:
            version = self.server.writes.found(where).body["metadata"]
            meta = {**body["metadata"], "resourceVersion": version["resourceVersion"]}
            self.server.writes.replace(where, {**body, "metadata": meta})
        else:
            self.server.make(path_of(body).rpartition("/")[0], body)

    def delete_policy(self, body: Body) -> None:
        """Delete a policy."""
        self.server.delete(path_of(body))


_KINDS = {r.kind: r for r in (PODS, NETWORK_POLICIES, CLUSTER_POLICIES)}


def path_of(body: Body) -> str:
    """Return the path of a pod or a policy; a body without a kind is a pod's."""
    resource, meta = _KINDS[body.get("kind", "Pod")], body["metadata"]
    return f"{_path(resource, meta.get('namespace', ''))}/{meta['name']}"


def _path(resource: Resource, namespace: str) -> str:
    if not resource.namespaced:
        return resource.path
    return f"{resource.prefix}/namespaces/{namespace}/{resource.plural}"


def _uid(body: Body) -> str:
    found: str = body["metadata"]["uid"]
    return found
