"""The Kubernetes objects that we read, only the fields that we read."""

import msgspec

from vcnd.kubeapi.wire import Object, Wire
from vcnd.model.podnetwork import VnicProfile

DEFAULT_NAMESPACE = "default"
"""That of an object in a file which names none; Events on objects of the cluster are
there, too."""


class Namespace(Object, frozen=True):
    """A namespace."""


class Resources(Wire, frozen=True):
    """What a container asks for; extended resources are among the limits always."""

    limits: dict[str, str] = {}


class Container(Wire, frozen=True):
    """A container."""

    resources: Resources = Resources()


class PodSpec(Wire, frozen=True):
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


class PodStatus(Wire, frozen=True):
    """A pod's status."""

    phase: str = ""
    pod_ip: str = msgspec.field(default="", name="podIP")


class Pod(Object, frozen=True):
    """A pod."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Taint(Wire, frozen=True):
    """A taint of a node."""

    key: str
    effect: str
    value: str = ""
    time_added: str = ""
    """Of taints that evict."""


class NodeSpec(Wire, frozen=True):
    """A node's spec."""

    taints: list[Taint] = []


class NodeCondition(Wire, frozen=True):
    """A condition of a node."""

    type: str
    status: str
    reason: str = ""


class NodeStatus(Wire, frozen=True):
    """A node's status."""

    conditions: list[NodeCondition] = []
    capacity: dict[str, str] = {}


class Node(Object, frozen=True):
    """A node."""

    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class CreateVnicDetails(Wire, frozen=True):
    """createVnicDetails of a secondary VNIC profile (docs/oci.md#vnic-profiles)."""

    subnet_id: str = ""
    nsg_ids: list[str] = []
    ip_count: int = 32
    application_resources: list[str] = []


class SecondaryVnic(Wire, frozen=True):
    """A secondary VNIC profile."""

    create_vnic_details: CreateVnicDetails = CreateVnicDetails()


class NetworkSpec(Wire, frozen=True):
    """The spec of a NativePodNetwork (docs/oci.md#nativepodnetwork)."""

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
                subnet_id=details.subnet_id,
                nsg_ids=tuple(details.nsg_ids),
                ip_count=details.ip_count,
                application_resources=tuple(details.application_resources),
            )
            for details in (v.create_vnic_details for v in self.secondary_vnics)
        ]


class NativePodNetwork(Object, frozen=True):
    """A NativePodNetwork."""

    spec: NetworkSpec = NetworkSpec()


class ServiceCidrSpec(Wire, frozen=True):
    """What a ServiceCIDR says."""

    cidrs: tuple[str, ...] = ()


class ServiceCidr(Object, frozen=True):
    """A network of Services' addresses (networking.k8s.io/v1, ServiceCIDR)."""

    spec: ServiceCidrSpec = ServiceCidrSpec()


class ConfigMap(Object, frozen=True):
    """A ConfigMap."""

    data: dict[str, str] = {}


class ProxyDetectLocal(Wire, frozen=True):
    """detectLocal of kube-proxy's configuration."""

    interface_name_prefix: str = ""


class ProxyConfig(Wire, frozen=True):
    """kube-proxy's configuration (kubeproxy.config.k8s.io/v1alpha1)."""

    mode: str = ""
    detect_local_mode: str = ""
    detect_local: ProxyDetectLocal = ProxyDetectLocal()
    cluster_cidr: str = msgspec.field(default="", name="clusterCIDR")
