"""The resources that the simulated API server has, and how requests name them."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

Body = dict[str, Any]
"""An object as JSON has it.  One that is stored is never changed."""
Read = Callable[[Body], str]


def _at(*path: str) -> Read:
    """Return a function that reads a field as a selector compares it."""

    def read(body: Body) -> str:
        found: Any = body
        for part in path:
            found = found.get(part) if isinstance(found, dict) else None
        return str(found).lower() if isinstance(found, bool) else str(found or "")

    return read


NAME, NAMESPACE = {"metadata.name": _at("metadata", "name")}, "metadata.namespace"
OF_PODS = {
    "spec.nodeName": _at("spec", "nodeName"),
    "status.phase": _at("status", "phase"),
}
EVERY_CONDITION = {"conditions": "type", "addresses": "type"}
"""Lists that a strategic merge patch merges by a key of their elements."""


class Resource(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A kind of objects."""

    group_version: str
    plural: str
    kind: str
    namespaced: bool = False
    has_status: bool = False
    """Whether its status is a part that is written by itself."""
    fields: Mapping[str, Read] = msgspec.field(default_factory=lambda: NAME)
    """What field selectors may name."""
    merged: Mapping[str, str] | None = None
    """Lists in the status that are merged by a key; None: the resource is defined by
    a CustomResourceDefinition, and takes no strategic merge patches."""

    @property
    def prefix(self) -> str:
        """Return the beginning of its paths."""
        core = "/" not in self.group_version
        return f"/{'api' if core else 'apis'}/{self.group_version}"

    @property
    def path(self) -> str:
        """Return the path of all its objects."""
        return f"{self.prefix}/{self.plural}"

    @property
    def group(self) -> str:
        """Return its API group; empty for the core."""
        return self.group_version.rpartition("/")[0]

    def key(self, namespace: str, name: str) -> str:
        """Return what an object is stored by."""
        return f"{namespace}/{name}" if self.namespaced else name


PODS = Resource(
    group_version="v1",
    plural="pods",
    kind="Pod",
    namespaced=True,
    has_status=True,
    fields={**NAME, NAMESPACE: _at("metadata", "namespace"), **OF_PODS},
    merged={"conditions": "type", "podIPs": "ip"},
)
NAMESPACES = Resource(
    group_version="v1",
    plural="namespaces",
    kind="Namespace",
    has_status=True,
    fields={**NAME, "status.phase": _at("status", "phase")},
    merged={"conditions": "type"},
)
NODES = Resource(
    group_version="v1",
    plural="nodes",
    kind="Node",
    has_status=True,
    fields={**NAME, "spec.unschedulable": _at("spec", "unschedulable")},
    merged=EVERY_CONDITION,
)
EVENTS = Resource(
    group_version="v1", plural="events", kind="Event", namespaced=True, merged={}
)
CONFIG_MAPS = Resource(
    group_version="v1",
    plural="configmaps",
    kind="ConfigMap",
    namespaced=True,
    merged={},
)
SERVICES = Resource(
    group_version="v1",
    plural="services",
    kind="Service",
    namespaced=True,
    has_status=True,
    merged={},
)
NETWORK_POLICIES = Resource(
    group_version="networking.k8s.io/v1",
    plural="networkpolicies",
    kind="NetworkPolicy",
    namespaced=True,
    merged={},
)
CLUSTER_POLICIES = Resource(
    group_version="policy.networking.k8s.io/v1alpha2",
    plural="clusternetworkpolicies",
    kind="ClusterNetworkPolicy",
    has_status=True,
)
NETWORKS = Resource(
    group_version="oci.oraclecloud.com/v1beta1",
    plural="nativepodnetworks",
    kind="NativePodNetwork",
    has_status=True,
)
RESOURCES = (
    *(PODS, NAMESPACES, NODES, EVENTS, CONFIG_MAPS, SERVICES),
    *(NETWORK_POLICIES, CLUSTER_POLICIES, NETWORKS),
)


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """What a path names."""

    resource: Resource
    namespace: str = ""
    """Empty: objects of all namespaces, or of the cluster."""
    name: str = ""
    """Empty: the collection."""
    part: str = ""
    """``status``, or empty."""

    @property
    def key(self) -> str:
        """Return what the object is stored by."""
        return self.resource.key(self.namespace, self.name)


_BY_PATH = {(r.prefix, r.plural): r for r in RESOURCES}


def route(path: str) -> Route | None:
    """Return what a path names; None: nothing."""
    parts = path.strip("/").split("/")
    head = 2 if parts[0] == "api" else 3
    prefix, rest = "/" + "/".join(parts[:head]), parts[head:]
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces" and rest[2] != "status":
        namespace, rest = rest[1], rest[2:]
    if not 1 <= len(rest) <= 3 or (len(rest) == 3 and rest[2] != "status"):
        return None
    resource = _BY_PATH.get((prefix, rest[0]))
    if resource is None or (namespace and not resource.namespaced):
        return None
    name, part = (*rest[1:], "", "")[:2]
    if name and resource.namespaced and not namespace:
        return None
    if part and not resource.has_status:
        return None
    return Route(resource=resource, namespace=namespace, name=name, part=part)
