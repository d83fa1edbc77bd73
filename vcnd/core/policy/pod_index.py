"""The pods of a cluster, found by what policies say about them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from vcnd.core.policy.selectors import matches
from vcnd.model.policy import (
    Attached,
    Cluster,
    ContainerPort,
    Labels,
    NamedPort,
    Pods,
    PolicyPod,
)


class PodIndex:
    """Which pods a selector selects, and where they are.

    What is attached here counts more than what the cluster says: the cluster learns a
    new pod's address late, and may still have it at the pod that had it before.
    """

    def __init__(self, cluster: Cluster, here: Sequence[Attached]) -> None:
        self._namespaces = cluster.namespaces
        self._pods = {(p.namespace, p.name): p for p in cluster.pods}
        self._here = {(a.namespace, a.name): a.addresses for a in here if a.name}
        self._taken = {address for a in here for address in a.addresses}
        # A selector looks once at labels that many pods have.
        alike: dict[tuple[str, frozenset[tuple[str, str]]], list[PolicyPod]]
        alike = defaultdict(list)
        self._ports: dict[str, list[tuple[PolicyPod, ContainerPort]]]
        self._ports = defaultdict(list)
        for pod in cluster.pods:
            alike[pod.namespace, frozenset(pod.labels.items())].append(pod)
            for port in pod.ports:
                self._ports[port.name].append((pod, port))
        self._alike: dict[str, list[tuple[Labels, list[PolicyPod]]]]
        self._alike = defaultdict(list)
        for (namespace, _), pods in alike.items():
            self._alike[namespace].append((pods[0].labels, pods))

    def pod(self, attached: Attached) -> PolicyPod | None:
        """Return the pod that has a link; None if it or its namespace is unknown.

        Policies may be about the namespace's labels, and these may come later than the
        pod: until then it is closed.
        """
        known = attached.namespace in self._namespaces
        return self._pods.get((attached.namespace, attached.name)) if known else None

    def addresses(self, pod: PolicyPod) -> Sequence[str]:
        """Return the addresses of a pod."""
        own = self._here.get((pod.namespace, pod.name))
        return own or [a for a in pod.addresses if a not in self._taken]

    def selected(self, pods: Pods) -> Iterator[PolicyPod]:
        """Yield the pods that are selected."""
        for namespace in [pods.namespace] if pods.namespace else self._alike:
            if self._is_selected(pods, namespace):
                for labels, some in self._alike.get(namespace, ()):
                    if matches(pods.pods, labels):
                        yield from some

    def selects(self, pods: Pods, pod: PolicyPod) -> bool:
        """Return True if a pod is selected."""
        named = self._is_selected(pods, pod.namespace)
        return named and matches(pods.pods, pod.labels)

    def _is_selected(self, pods: Pods, namespace: str) -> bool:
        if pods.namespace:
            return pods.namespace == namespace
        labels = self._namespaces.get(namespace)
        return labels is not None and matches(pods.namespaces, labels)

    def with_port(self, wanted: NamedPort) -> Iterator[tuple[PolicyPod, ContainerPort]]:
        """Yield the pods that have a port of that name, and the port."""
        for pod, port in self._ports.get(wanted.name, ()):
            if wanted.protocol in (None, port.protocol):
                yield pod, port

    def is_here(self, pod: PolicyPod) -> bool:
        """Return True if a pod has a link on this node."""
        return (pod.namespace, pod.name) in self._here
