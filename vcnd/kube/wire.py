"""Kubernetes' objects, only the fields that we read."""

import msgspec

from vcnd.model.podnetwork import VnicProfile


class _Wire(msgspec.Struct, rename="camel", kw_only=True, frozen=True):
    """An object or a part of one; unknown fields are left out."""


class OwnerReference(_Wire, frozen=True):
    """An object that another one goes with."""

    kind: str = ""
    name: str = ""
    uid: str = ""


class Meta(_Wire, frozen=True):
    """metadata."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    deletion_timestamp: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: list[OwnerReference] = []

    @property
    def node(self) -> str:
        """Return the name of the Node that owns it; empty where none does."""
        nodes = (o.name for o in self.owner_references if o.kind == "Node")
        return next(nodes, "")


class Object(_Wire, frozen=True):
    """What every object has."""

    metadata: Meta = Meta()


class Namespace(Object, frozen=True):
    """A namespace."""


class Resources(_Wire, frozen=True):
    """What a container asks for; extended resources are among the limits always."""

    limits: dict[str, str] = {}


class Container(_Wire, frozen=True):
    """A container."""

    resources: Resources = Resources()


class PodSpec(_Wire, frozen=True):
    """A pod's spec."""

    node_name: str = ""
    host_network: bool = False
    containers: list[Container] = []
    init_containers: list[Container] = []

    def resources(self, prefix: str) -> dict[str, str]:
        """Return the limits whose names begin so."""
        return {
            name: value
            for container in (*self.init_containers, *self.containers)
            for name, value in container.resources.limits.items()
            if name.startswith(prefix)
        }


class PodStatus(_Wire, frozen=True):
    """A pod's status."""

    phase: str = ""


class Pod(Object, frozen=True):
    """A pod."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Taint(_Wire, frozen=True):
    """A taint of a node."""

    key: str
    effect: str
    value: str = ""
    time_added: str = ""
    """Of taints that evict."""


class NodeSpec(_Wire, frozen=True):
    """A node's spec."""

    taints: list[Taint] = []


class NodeCondition(_Wire, frozen=True):
    """A condition of a node."""

    type: str
    status: str
    reason: str = ""


class NodeStatus(_Wire, frozen=True):
    """A node's status."""

    conditions: list[NodeCondition] = []
    capacity: dict[str, str] = {}


class Node(Object, frozen=True):
    """A node."""

    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class CreateVnicDetails(_Wire, frozen=True):
    """createVnicDetails of a secondary VNIC profile (facts/oci.md §1.4)."""

    subnet_id: str = ""
    nsg_ids: list[str] = []
    ip_count: int = 32
    application_resources: list[str] = []


class SecondaryVnic(_Wire, frozen=True):
    """A secondary VNIC profile."""

    create_vnic_details: CreateVnicDetails = CreateVnicDetails()


class NetworkSpec(_Wire, frozen=True):
    """The spec of a NativePodNetwork (facts/oci.md §2.1)."""

    id: str = ""
    max_pod_count: int | None = None
    pod_subnet_ids: list[str] = []
    network_security_group_ids: list[str] = []
    ip_families: list[str] = []
    """Absent in objects of before 2024: IPv4."""
    secondary_vnics: list[SecondaryVnic] = []

    @property
    def profiles(self) -> list[VnicProfile]:
        """Return the secondary VNIC profiles."""
        return [
            VnicProfile(
                subnet_id=said.subnet_id,
                nsg_ids=tuple(said.nsg_ids),
                ip_count=said.ip_count,
                application_resources=tuple(said.application_resources),
            )
            for said in (v.create_vnic_details for v in self.secondary_vnics)
        ]


class NativePodNetwork(Object, frozen=True):
    """A NativePodNetwork."""

    spec: NetworkSpec = NetworkSpec()


class ConfigMap(Object, frozen=True):
    """A ConfigMap."""

    data: dict[str, str] = {}


class ProxyDetectLocal(_Wire, frozen=True):
    """detectLocal of kube-proxy's configuration."""

    interface_name_prefix: str = ""


class ProxyConfig(_Wire, frozen=True):
    """kube-proxy's configuration (kubeproxy.config.k8s.io/v1alpha1)."""

    detect_local_mode: str = ""
    detect_local: ProxyDetectLocal = ProxyDetectLocal()
    cluster_cidr: str = msgspec.field(default="", name="clusterCIDR")


class ListMeta(_Wire, frozen=True):
    """metadata of a list."""

    resource_version: str = ""


class Status(_Wire, frozen=True):
    """A refusal (kind Status)."""

    code: int = 0
    reason: str = ""
    message: str = ""
