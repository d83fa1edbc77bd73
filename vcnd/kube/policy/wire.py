"""Network policies and the pods that they are about, only the fields that we read.

An absent field and null mean the same, and an empty list mostly too: Go writes either.
Sources: Kubernetes' API reference, and the types and CRD of
sigs.k8s.io/network-policy-api v0.2.0.
"""

from msgspec import field

from vcnd.kubeapi.wire import Object, Wire

NETWORK_POLICY = "networking.k8s.io/v1", "NetworkPolicy"
CLUSTER_POLICY = "policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy"
"""The version of the API, and the kind."""


class LabelRequirement(Wire, frozen=True):
    """One of a selector's matchExpressions."""

    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class LabelSelector(Wire, frozen=True):
    """Selects objects by labels; an empty one selects all."""

    match_labels: dict[str, str] | None = None
    match_expressions: list[LabelRequirement] | None = None


# networking.k8s.io/v1


class IPBlock(Wire, frozen=True):
    """A network, and networks in it that are left out."""

    cidr: str = ""
    excepted: list[str] | None = field(default=None, name="except")


class NetworkPolicyPeer(Wire, frozen=True):
    """A peer: pods by one or both selectors, or a block."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


class NetworkPolicyPort(Wire, frozen=True):
    """A port, or ports from one to another."""

    protocol: str | None = None
    port: int | str | None = None
    end_port: int | None = None


class NetworkPolicyIngressRule(Wire, frozen=True):
    """What is allowed to come in."""

    peers: list[NetworkPolicyPeer] | None = field(default=None, name="from")
    ports: list[NetworkPolicyPort] | None = None


class NetworkPolicyEgressRule(Wire, frozen=True):
    """What is allowed to go out."""

    peers: list[NetworkPolicyPeer] | None = field(default=None, name="to")
    ports: list[NetworkPolicyPort] | None = None


class NetworkPolicySpec(Wire, frozen=True):
    """The spec of a NetworkPolicy."""

    pod_selector: LabelSelector | None = None
    policy_types: list[str] | None = None
    ingress: list[NetworkPolicyIngressRule] | None = None
    egress: list[NetworkPolicyEgressRule] | None = None


class NetworkPolicy(Object, frozen=True):
    """A NetworkPolicy."""

    spec: NetworkPolicySpec = NetworkPolicySpec()


# policy.networking.k8s.io/v1alpha2


class NamespacedPod(Wire, frozen=True):
    """Pods by the labels of their namespace and their own."""

    namespace_selector: LabelSelector | None = None
    pod_selector: LabelSelector | None = None


class ClusterSubject(Wire, frozen=True):
    """The pods that a ClusterNetworkPolicy is about: exactly one field is set."""

    namespaces: LabelSelector | None = None
    pods: NamespacedPod | None = None


class ClusterIngressPeer(ClusterSubject, frozen=True):
    """A source: exactly one field is set."""


class ClusterEgressPeer(ClusterSubject, frozen=True):
    """A destination: exactly one field is set.

    Experimental fields are not read: a peer by ``nodes`` or ``domainNames`` has none.
    """

    networks: list[str] | None = None


class ClusterPortRange(Wire, frozen=True):
    """Ports from one to another, with both."""

    start: int = 0
    end: int = 0


class ClusterPort(Wire, frozen=True):
    """A port or a range: exactly one field is set."""

    number: int | None = None
    range: ClusterPortRange | None = None


class ClusterPortMatch(Wire, frozen=True):
    """What a rule asks of a protocol with ports."""

    destination_port: ClusterPort | None = None


class ClusterProtocol(Wire, frozen=True):
    """A protocol, or a port of any protocol by its name: exactly one field is set."""

    tcp: ClusterPortMatch | None = None
    udp: ClusterPortMatch | None = None
    sctp: ClusterPortMatch | None = None
    destination_named_port: str | None = None


class ClusterIngressRule(Wire, frozen=True):
    """What is done with connections that come in."""

    name: str = ""
    action: str = ""
    peers: list[ClusterIngressPeer] | None = field(default=None, name="from")
    protocols: list[ClusterProtocol] | None = None


class ClusterEgressRule(Wire, frozen=True):
    """What is done with connections that go out."""

    name: str = ""
    action: str = ""
    peers: list[ClusterEgressPeer] | None = field(default=None, name="to")
    protocols: list[ClusterProtocol] | None = None


class ClusterNetworkPolicySpec(Wire, frozen=True):
    """The spec of a ClusterNetworkPolicy."""

    tier: str = ""
    priority: int | None = None
    subject: ClusterSubject = ClusterSubject()
    ingress: list[ClusterIngressRule] | None = None
    egress: list[ClusterEgressRule] | None = None


class ClusterNetworkPolicy(Object, frozen=True):
    """A ClusterNetworkPolicy."""

    spec: ClusterNetworkPolicySpec = ClusterNetworkPolicySpec()


# v1


class PodPort(Wire, frozen=True):
    """A port of a container."""

    name: str = ""
    protocol: str = "TCP"
    container_port: int = 0


class PodContainer(Wire, frozen=True):
    """A container; an init container that is restarted always is a sidecar."""

    ports: list[PodPort] | None = None
    restart_policy: str = ""


class PodSpec(Wire, frozen=True):
    """A pod's spec."""

    node_name: str = ""
    host_network: bool = False
    containers: list[PodContainer] | None = None
    init_containers: list[PodContainer] | None = None

    @property
    def named_ports(self) -> list[PodPort]:
        """Return the ports with names, of the containers that live with the pod."""
        first = self.init_containers or ()
        sidecars = (c for c in first if c.restart_policy == "Always")
        living = (*(self.containers or ()), *sidecars)
        return [port for c in living for port in c.ports or () if port.name]


class PodIP(Wire, frozen=True):
    """An address of a pod."""

    ip: str = ""


class PodStatus(Wire, frozen=True):
    """A pod's status."""

    phase: str = ""
    pod_ips: list[PodIP] | None = field(default=None, name="podIPs")


class Pod(Object, frozen=True):
    """A pod."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class NodeAddress(Wire, frozen=True):
    """An address of a node."""

    type: str = ""
    address: str = ""


class NodeStatus(Wire, frozen=True):
    """A node's status."""

    addresses: list[NodeAddress] | None = None


class Node(Object, frozen=True):
    """A node."""

    status: NodeStatus = NodeStatus()
