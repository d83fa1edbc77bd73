"""The pods of a cluster, found by what policies say about them.

It is kept from one compilation to the next, and told what there is now.  Pods that
policies cannot tell apart are one group: a selector looks at a group, and not at pods.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from vcnd.core.policy.selectors import matches
from vcnd.model.family import Family, family_of
from vcnd.model.policy import (
    Attached,
    Cluster,
    Labels,
    Pods,
    PolicyPod,
)


class Group:
    """Pods of one namespace with equal labels and equal named ports.

    Where each pod has a label of its own, there are as many groups as pods: a group is
    small.
    """

    __slots__ = ("_ipv4", "_ipv6", "key", "labels", "namespace", "pods", "ports")

    def __init__(self, pod: PolicyPod) -> None:
        """Make it, without pods.

        Args:
            pod: one that will be in it.
        """
        self.key = _key(pod)
        self.namespace, self.labels, self.ports = pod.namespace, pod.labels, pod.ports
        self.pods: tuple[PolicyPod, ...] = ()
        self._ipv4: tuple[str, ...] = ()
        self._ipv6: tuple[str, ...] = ()

    def addresses(self, family: Family) -> tuple[str, ...]:
        """Return its pods' addresses of a family; one of two pods stands twice."""
        return self._ipv4 if family is Family.IPV4 else self._ipv6

    def settle(self, addresses: Iterable[str]) -> None:
        """Take its pods' addresses."""
        some = [*addresses]
        self._ipv4 = tuple(a for a in some if family_of(a) is Family.IPV4)
        self._ipv6 = tuple(a for a in some if family_of(a) is Family.IPV6)


class Touched(msgspec.Struct, frozen=True):
    """What is not as it was at the last compilation."""

    groups: Iterable[Group] = ()
    """Those whose addresses, or whose namespace's labels, may be others; one without
    pods is gone."""
    namespaces: frozenset[str] = frozenset()
    """Those whose labels are others."""


class PodIndex:
    """Which pods a selector selects, and where they are.

    What is attached here counts more than what the cluster says: the cluster learns a
    new pod's address late, and may still have it at the pod that had it before.
    """

    def __init__(self, node: str = "") -> None:
        """Make it, without pods.

        Args:
            node: this node's name; empty: none is known to be bound here.
        """
        self._node = node
        self._bound: dict[int, PolicyPod] = {}
        """The pods that are bound here, by the identity of their values."""
        self._namespaces: Mapping[str, Labels] = {}
        self._told: tuple[PolicyPod, ...] = ()
        self._pods: dict[int, PolicyPod] = {}
        """By the identity of their values: a pod that changes is another value."""
        self._groups: dict[str, dict[bytes, Group]] = {}
        """By namespace."""
        self._attached: tuple[Attached, ...] = ()
        self._by_name: Mapping[tuple[str, str], tuple[Attached, ...]] = {}
        """One that is made again under its name may find the link of the one before."""
        self._taken: set[str] = set()
        self._pods_here: dict[tuple[str, str], PolicyPod] = {}

    def update(self, cluster: Cluster, here: Sequence[Attached]) -> Touched:
        """Take in what there is now; return what differs."""
        touched, moved = self._take(cluster.pods)
        if tuple(here) != self._attached:
            touched |= dict.fromkeys(self._attach(here))
            self._find_here()
        elif any((p.namespace, p.name) in self._by_name for p in moved):
            self._find_here()
        for group in touched:
            self._settle(group)
        namespaces = self._label(cluster.namespaces)
        for namespace in namespaces:
            touched |= dict.fromkeys(self._groups.get(namespace, {}).values())
        return Touched(touched, namespaces)

    def _take(
        self, told: tuple[PolicyPod, ...]
    ) -> tuple[dict[Group, None], list[PolicyPod]]:
        """Take in the pods; return the groups of those that come or go, and these."""
        if told is self._told:
            return {}, []
        pods = dict(zip(map(id, told), told, strict=True))
        gone = [self._pods[key] for key in self._pods.keys() - pods.keys()]
        come = [pods[key] for key in pods.keys() - self._pods.keys()]
        leaving, joining = (defaultdict[Group, list[PolicyPod]](list) for _ in range(2))
        for pod in gone:
            leaving[self.group(pod)].append(pod)
            self._bound.pop(id(pod), None)
        for group, some in leaving.items():
            ids = {*map(id, some)}
            group.pods = tuple(pod for pod in group.pods if id(pod) not in ids)
        for pod in come:
            joining[self._group_for(pod)].append(pod)
            if self._node and pod.node == self._node:
                self._bound[id(pod)] = pod
        for group, some in joining.items():
            group.pods += tuple(some)
        self._told, self._pods = told, pods
        return dict.fromkeys((*leaving, *joining)), gone + come

    def _attach(self, here: Sequence[Attached]) -> list[Group]:
        """Take in the links; return the groups whose addresses may be others."""
        before, taken = self._by_name, self._taken
        now: dict[tuple[str, str], tuple[Attached, ...]] = {}
        for attached in here:
            if attached.name:
                named = attached.namespace, attached.name
                now[named] = (*now.get(named, ()), attached)
        self._attached, self._by_name = tuple(here), now
        self._taken = {address for a in here for address in a.addresses}
        names = {name for (_, name), _ in before.items() ^ now.items()}
        moved = taken ^ self._taken
        return [
            self.group(pod)
            for pod in self._pods.values()
            if pod.name in names or not moved.isdisjoint(pod.addresses)
        ]

    def _find_here(self) -> None:
        names = {name for _, name in self._by_name}
        self._pods_here = {
            (pod.namespace, pod.name): pod
            for pod in self._pods.values()
            if pod.name in names and self._links(pod)
        }

    def _links(self, pod: PolicyPod) -> list[Attached]:
        """Return the links of a pod; those of another pod of its name are none."""
        found = self._by_name.get((pod.namespace, pod.name), ())
        return [attached for attached in found if attached.is_of(pod)]

    def _label(self, namespaces: Mapping[str, Labels]) -> frozenset[str]:
        """Take in the namespaces; return those with other labels."""
        before, self._namespaces = self._namespaces, namespaces
        names = before.keys() | namespaces.keys()
        return frozenset(x for x in names if before.get(x) != namespaces.get(x))

    def _group_for(self, pod: PolicyPod) -> Group:
        groups = self._groups.setdefault(pod.namespace, {})
        key = _key(pod)
        group = groups.get(key)
        if group is None:
            group = groups[key] = Group(pod)
        return group

    def _settle(self, group: Group) -> None:
        """Find a group's addresses; drop one without pods."""
        group.settle(a for pod in group.pods for a in self.addresses(pod))
        if not group.pods:
            del self._groups[group.namespace][group.key]
            if not self._groups[group.namespace]:
                del self._groups[group.namespace]

    def group(self, pod: PolicyPod) -> Group:
        """Return the group of a pod that is there."""
        return self._groups[pod.namespace][_key(pod)]

    def groups(self) -> Iterable[Group]:
        """Return all groups."""
        return [group for some in self._groups.values() for group in some.values()]

    def pod(self, attached: Attached) -> PolicyPod | None:
        """Return the pod that has a link; None if it or its namespace is unknown.

        Policies may be about the namespace's labels, and these may come later than the
        pod: until then it is closed.
        """
        known = attached.namespace in self._namespaces
        found = self._pods_here.get((attached.namespace, attached.name))
        # It may be that of the pod that had the name before, and runs still.
        is_its = found is not None and attached.is_of(found)
        return found if known and is_its else None

    def pods_here(self) -> Iterable[PolicyPod]:
        """Return the pods that have links on this node."""
        return self._pods_here.values()

    def coming(self) -> list[PolicyPod]:
        """Return the pods that are bound here, and have no link yet."""
        return [
            pod
            for pod in self._bound.values()
            if pod.namespace in self._namespaces and not self._links(pod)
        ]

    def addresses(self, pod: PolicyPod) -> Sequence[str]:
        """Return the addresses of a pod."""
        own = [a for attached in self._links(pod) for a in attached.addresses]
        if own:
            return own
        return [a for a in pod.addresses if a not in self._taken]

    def selects(self, pods: Pods, group: Group, *, perhaps: bool = False) -> bool:
        """Return True if a group's pods are selected.

        Args:
            pods: what selects them.
            group: the group.
            perhaps: whether they count that may be selected: the labels of their
                namespace are not known.
        """
        in_namespace = self._selects_in(pods, group.namespace, perhaps=perhaps)
        return in_namespace and matches(pods.pods, group.labels)

    def selected(self, pods: Pods, *, perhaps: bool = False) -> list[Group]:
        """Return the groups whose pods are selected (``selects``)."""
        return [
            group
            for namespace, groups in self._groups.items()
            if self._selects_in(pods, namespace, perhaps=perhaps)
            for group in groups.values()
            if matches(pods.pods, group.labels)
        ]

    def _selects_in(self, pods: Pods, namespace: str, *, perhaps: bool) -> bool:
        """Return True if pods of a namespace are selected, if their labels match."""
        if pods.namespace:
            return pods.namespace == namespace
        labels = self._namespaces.get(namespace)
        if labels is None:
            return perhaps or not pods.namespaces.requirements
        return matches(pods.namespaces, labels)


def _key(pod: PolicyPod) -> bytes:
    """Return what tells a pod's group from the others of its namespace."""
    # One object: a set of pairs would be ten, for each of ten thousand pods.
    return msgspec.json.encode((pod.labels, pod.ports), order="deterministic")
