"""The configuration: one TOML file, one section per concern, unknown keys refused."""

from typing import Annotated, Literal

import msgspec

from vcnd.core.limits import LearntLimits
from vcnd.core.podnetwork import MOST_NSGS, MOST_SUBNETS
from vcnd.core.replay import KEEP_RELEASES_SECONDS
from vcnd.core.target import PoolPolicy
from vcnd.linux.layout import LAST_PRIORITY, LAST_TABLE, Layout
from vcnd.model.family import Family
from vcnd.model.podnetwork import PodNetwork
from vcnd.model.request import NamespacePolicy

MOST_SECONDS = 1_000_000_000
"""Some thirty years: as good as never."""
MOST_ADDRESSES = 1 << 16

Seconds = Annotated[float, msgspec.Meta(ge=0, le=MOST_SECONDS)]
Period = Annotated[float, msgspec.Meta(gt=0, le=MOST_SECONDS)]
Number = Annotated[int, msgspec.Meta(ge=1, le=MOST_ADDRESSES)]
Name = Annotated[str, msgspec.Meta(min_length=1)]
Priority = Annotated[int, msgspec.Meta(ge=2, le=LAST_PRIORITY)]


class _Section(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A section of the file."""


class OciSection(_Section, frozen=True):
    """[oci]: where the pods' addresses come from."""

    subnet_id: str = ""
    """OCID of the pod subnet.  Empty: the NativePodNetwork, made by others, has it."""
    further_subnet_ids: Annotated[
        list[str], msgspec.Meta(max_length=MOST_SUBNETS - 1)
    ] = []
    """OCIDs of more pod subnets, used in this order when those before are full."""
    nsg_ids: Annotated[list[Name], msgspec.Meta(max_length=MOST_NSGS)] = []
    """OCIDs of the NSGs of pod VNICs, at most 5."""
    ip_families: tuple[Family, ...] = (Family.IPV4,)
    """The families of pods' addresses: IPv4, IPv6 or both; the first one leads."""
    cluster: Name = "default"
    """Tag of this cluster's VNICs; VNICs without it are never touched."""
    principal: Literal["instance", "api_key", "workload", "resource"] = "instance"
    """Who signs: the instance, a user's API key, a pod of OKE, a resource (2.2)."""
    config_file: str = "~/.oci/config"
    """The file that describes the API key, with ``principal = "api_key"``."""
    profile: str = "DEFAULT"
    """The profile in that file."""
    metadata_url: Name = "http://169.254.169.254/opc/v2"
    """The instance metadata service."""
    endpoint: str = ""
    """Core API; empty: by the instance's region and realm."""
    federation_endpoint: str = ""
    """Identity's federation; empty: by the instance's region and realm."""
    addresses_per_vnic: Number = 64
    """Secondary private IPs to expect of a VNIC; a lower limit is learnt by refusal."""
    ipv6s_per_vnic: Number = 32
    """IPv6 objects to expect of a VNIC, likewise."""
    blocks: bool = True
    """Create aligned blocks of addresses where that saves calls; singles otherwise."""
    wait_seconds: Period = 120.0
    """How long one change (attach, work request) may take before it is given up."""
    retry_seconds: Seconds = 60.0
    """How long one request is repeated before its refusal is reported."""


class PoolSection(_Section, frozen=True):
    """[pool]: how many addresses the node holds (docs/sizing.md)."""

    batch: Number = 8
    buffer_fraction: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.5
    minimum: Annotated[int, msgspec.Meta(ge=0, le=MOST_ADDRESSES)] = 0
    maximum: Annotated[int, msgspec.Meta(ge=0, le=MOST_ADDRESSES)] = 110
    cooling_seconds: Annotated[float, msgspec.Meta(ge=0, le=KEEP_RELEASES_SECONDS)] = (
        30.0
    )
    shrink_after_seconds: Seconds = 300.0
    lean_at: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.9
    resync_seconds: Period = 60.0
    """The pool is reconciled at least at this interval."""
    audit_seconds: Period = 600.0
    """The interval at which ledger, kernel and cloud are compared."""


class CniSection(_Section, frozen=True):
    """[cni]: the container runtime's calls."""

    socket: Name = "/run/vcnd/cni.sock"
    """Where to listen when systemd passes no socket."""
    patience_seconds: Annotated[float, msgspec.Meta(ge=0, le=45)] = 45.0
    """How long an ADD waits for an address; the runtime's own limit is 60."""
    grace_seconds: Seconds = 5.0
    """How long calls may finish when the daemon stops."""


class NodeSection(_Section, frozen=True):
    """[node]: this machine."""

    state_directory: Name = "/var/lib/vcnd"
    """Where the journal is."""
    mtu: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    outside_mtu: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 1500
    outside_mtu_exempt: list[str] = []
    forward_accept: bool = True
    """Add accepts for pods to others' FORWARD chains, before the rule that drops or
    rejects: without them no pod reaches anything beyond its node."""
    nsg_enforcement: Literal["strict", "standard"] = "strict"
    """Whether pods of different NSGs or subnets on one node talk through the VCN, where
    their NSGs and the flow log see it, or directly."""
    snat: Literal["none", "outside-vcn"] = "none"
    """``outside-vcn``: IPv4 connections of pods to outside the VCN leave by the primary
    VNIC with its address (docs/data-plane.md)."""
    snat_exempt: list[str] = []
    """IPv4 networks outside the VCN to which pods talk as themselves all the same."""
    express: bool = True
    """Established flows of pods may take the express lane (docs/data-plane.md)."""
    metrics: str = ""
    """Address and port that serve the daemon's metrics, such as ``127.0.0.1:9464``;
    empty: none."""
    pods_table: Annotated[int, msgspec.Meta(ge=1, le=LAST_TABLE)] = 100
    strict_priority: Priority = 990
    pods_priority: Priority = 1000
    mark_priority: Priority = 1010
    source_priority: Priority = 1020
    local_priority: Priority = 1025
    closed_priority: Priority = 1030
    mark_mask: int = 0xFF
    """Bits of packet and connection marks that are ours: at least eight, in a row."""


class KubernetesSection(_Section, frozen=True):
    """[kubernetes]: the cluster that this node is of."""

    kubeconfig: str = ""
    """How the API server is reached; empty: the node serves without Kubernetes."""
    node_name: str = ""
    """This node's name there; empty: the environment's VCND_NODE_NAME."""
    startup_taint: str = "vcnd.io/not-ready"
    """A taint of this key is removed from the node when it serves."""


class PolicySection(_Section, frozen=True):
    """[policy]: network policies, enforced by vcnd-policy."""

    enforcement: Literal["off", "standard", "strict"] = "off"
    """``off``: policies are left to others.  ``strict``: a pod whose policies are not
    known yet is closed.  ``standard``: it is open until they are."""
    manifests: str = ""
    """A directory of files with pods, namespaces and policies, for a node without an
    API server; empty: Kubernetes has them."""
    kubeconfig: str = ""
    """How vcnd-policy reaches the API server; empty: the environment's
    VCND_POLICY_KUBECONFIG, or as [kubernetes] says."""
    socket: Name = "/run/vcnd/policy.sock"
    """Where vcnd-policy listens when systemd passes no socket."""
    patience_seconds: Annotated[float, msgspec.Meta(ge=0, le=10)] = 0.3
    """How long an ADD waits until a pod's policies are in force."""
    early_addresses: bool = True
    """Tell other nodes a pod's addresses as soon as it is bound: their policies then
    know its first packet.  One write to the Node for each pod, or less."""
    denied_per_second: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 10
    """How many denied packets are logged at most; 0: none."""
    metrics: str = ""
    """Address and port that serve vcnd-policy's metrics, such as ``127.0.0.1:9465``;
    empty: none."""


class AllowSection(_Section, frozen=True):
    """[[allow]]: what the pods of a namespace may request; without any, nothing."""

    namespace: Name
    """The namespace; ``*`` means all, here and in the lists."""
    subnet_ids: list[Name] = []
    nsg_ids: list[Name] = []
    fixed_addresses: bool = False


class LogSection(_Section, frozen=True):
    """[log]: to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """What is below is not logged."""
    format: Literal["logfmt", "json"] = "logfmt"
    """The form of a line."""


class Config(_Section, frozen=True):
    """The whole configuration."""

    oci: OciSection = OciSection()
    pool: PoolSection = PoolSection()
    cni: CniSection = CniSection()
    node: NodeSection = NodeSection()
    kubernetes: KubernetesSection = KubernetesSection()
    policy: PolicySection = PolicySection()
    log: LogSection = LogSection()
    allow: list[AllowSection] = []

    def network(self) -> PodNetwork:
        """Return the pod network, unless somebody else made the NativePodNetwork."""
        oci = self.oci
        return PodNetwork(
            subnet_ids=tuple(filter(None, (oci.subnet_id, *oci.further_subnet_ids))),
            nsg_ids=tuple(oci.nsg_ids),
            families=tuple(dict.fromkeys(oci.ip_families)),
            maximum=self.pool.maximum,
        )

    def limits(self) -> dict[Family, LearntLimits]:
        """Return the limits that hold until refusals teach others."""
        oci = self.oci
        per_vnic = {
            Family.IPV4: oci.addresses_per_vnic,
            Family.IPV6: oci.ipv6s_per_vnic,
        }
        return {
            family: LearntLimits(per_vnic=most, blocks=oci.blocks, family=family)
            for family, most in per_vnic.items()
        }

    def pool_policy(self) -> PoolPolicy:
        """Return the pool's policy."""
        pool = self.pool
        return PoolPolicy(
            batch=pool.batch,
            buffer_fraction=pool.buffer_fraction,
            minimum=pool.minimum,
            maximum=pool.maximum,
            cooling_seconds=pool.cooling_seconds,
            shrink_after_seconds=pool.shrink_after_seconds,
            lean_at=pool.lean_at,
        )

    def namespace_policies(self) -> list[NamespacePolicy]:
        """Return what pods may request."""
        return [
            NamespacePolicy(
                namespace=a.namespace,
                subnet_ids=frozenset(a.subnet_ids),
                nsg_ids=frozenset(a.nsg_ids),
                fixed_addresses=a.fixed_addresses,
            )
            for a in self.allow
        ]

    @property
    def tells_early(self) -> bool:
        """Return True if other nodes are told pods' addresses when they are bound."""
        return self.policy.enforcement != "off" and self.policy.early_addresses

    def layout(self) -> Layout:
        """Return the numbers used in the kernel."""
        node = self.node
        return Layout(
            mtu=node.mtu,
            outside_mtu=node.outside_mtu,
            outside_mtu_exempt=tuple(node.outside_mtu_exempt),
            forward_accept=node.forward_accept,
            express=node.express,
            snat=node.snat == "outside-vcn",
            snat_exempt=tuple(node.snat_exempt),
            strict_nsgs=node.nsg_enforcement == "strict",
            pods_table=node.pods_table,
            strict_priority=node.strict_priority,
            pods_priority=node.pods_priority,
            mark_priority=node.mark_priority,
            source_priority=node.source_priority,
            local_priority=node.local_priority,
            closed_priority=node.closed_priority,
            mark_mask=node.mark_mask,
        )
