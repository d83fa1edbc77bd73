"""The configuration: one TOML file, one section per concern, unknown keys refused."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from vcnd.core.limits import LearntLimits
from vcnd.core.networks import is_network
from vcnd.core.target import PoolPolicy
from vcnd.foreign import UNDECODABLE
from vcnd.linux.layout import POLICY_MARKS, Layout, is_mask
from vcnd.model.endpoint import split
from vcnd.model.family import Family
from vcnd.model.podnetwork import PodNetwork
from vcnd.model.request import NamespacePolicy

Seconds = Annotated[float, msgspec.Meta(ge=0)]
LEAST_MTU = 1280
"""Of IPv6 (RFC 8200, section 5)."""


class ConfigError(Exception):
    """The configuration cannot be used; the message names file, key and reason."""


class _Section(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A section of the file."""


class OciSection(_Section, frozen=True):
    """[oci]: where the pods' addresses come from."""

    subnet_id: str = ""
    """OCID of the pod subnet.  Empty: the NativePodNetwork, made by others, has it."""
    further_subnet_ids: list[str] = []
    """OCIDs of more pod subnets, used in this order when those before are full."""
    nsg_ids: list[str] = []
    """OCIDs of the NSGs of pod VNICs, at most 5."""
    ip_families: tuple[Family, ...] = (Family.IPV4,)
    """The families of pods' addresses: IPv4, IPv6 or both; the first one leads."""
    cluster: str = "default"
    """Tag of this cluster's VNICs; VNICs without it are never touched."""
    principal: Literal["instance", "api_key", "workload", "resource"] = "instance"
    """Who signs: the instance, a user's API key, a pod of OKE, a resource (2.2)."""
    config_file: str = "~/.oci/config"
    """The file that describes the API key, with ``principal = "api_key"``."""
    profile: str = "DEFAULT"
    """The profile in that file."""
    metadata_url: str = "http://169.254.169.254/opc/v2"
    """The instance metadata service."""
    endpoint: str = ""
    """Core API; empty: by the instance's region and realm."""
    federation_endpoint: str = ""
    """Identity's federation; empty: by the instance's region and realm."""
    addresses_per_vnic: Annotated[int, msgspec.Meta(ge=1)] = 64
    """Secondary private IPs to expect of a VNIC; a lower limit is learnt by refusal."""
    ipv6s_per_vnic: Annotated[int, msgspec.Meta(ge=1)] = 32
    """IPv6 objects to expect of a VNIC, likewise."""
    blocks: bool = True
    """Create aligned blocks of addresses where that saves calls; singles otherwise."""
    wait_seconds: Seconds = 120.0
    """How long one change (attach, work request) may take before it is given up."""
    retry_seconds: Seconds = 60.0
    """How long one request is repeated before its refusal is reported."""


class PoolSection(_Section, frozen=True):
    """[pool]: how many addresses the node holds (docs/sizing.md)."""

    batch: Annotated[int, msgspec.Meta(ge=1)] = 8
    buffer_fraction: Annotated[float, msgspec.Meta(ge=0)] = 0.5
    minimum: Annotated[int, msgspec.Meta(ge=0)] = 0
    maximum: int = 110
    cooling_seconds: Seconds = 30.0
    shrink_after_seconds: Seconds = 300.0
    lean_at: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.9
    resync_seconds: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    """The pool is reconciled at least at this interval."""
    audit_seconds: Annotated[float, msgspec.Meta(gt=0)] = 600.0
    """The interval at which ledger, kernel and cloud are compared."""


class CniSection(_Section, frozen=True):
    """[cni]: the container runtime's calls."""

    socket: str = "/run/vcnd/cni.sock"
    """Where to listen when systemd passes no socket."""
    patience_seconds: Annotated[float, msgspec.Meta(ge=0, le=45)] = 45.0
    """How long an ADD waits for an address; the runtime's own limit is 60."""
    grace_seconds: Seconds = 5.0
    """How long calls may finish when the daemon stops."""


class NodeSection(_Section, frozen=True):
    """[node]: this machine."""

    state_directory: str = "/var/lib/vcnd"
    """Where the journal is."""
    mtu: int = 0
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
    pods_table: int = 100
    strict_priority: int = 990
    pods_priority: int = 1000
    mark_priority: int = 1010
    source_priority: int = 1020
    local_priority: int = 1025
    closed_priority: int = 1030
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
    socket: str = "/run/vcnd/policy.sock"
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

    namespace: str
    """The namespace; ``*`` means all, here and in the lists."""
    subnet_ids: list[str] = []
    nsg_ids: list[str] = []
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


def load(path: Path, node_name: str = "", policy_kubeconfig: str = "") -> Config:
    """Read and check a configuration.

    Args:
        path: the file.
        node_name: the node's name in Kubernetes, unless the file has it.
        policy_kubeconfig: that of vcnd-policy, unless the file has it.

    Raises:
        ConfigError: it cannot be read, has unknown keys, or values out of range.
    """
    try:
        parsed = tomllib.loads(path.read_text())
        config = msgspec.convert(parsed, Config)
        config.pool_policy()
        if not config.kubernetes.node_name:
            kubernetes = msgspec.structs.replace(config.kubernetes, node_name=node_name)
            config = msgspec.structs.replace(config, kubernetes=kubernetes)
        if not config.policy.kubeconfig:
            policy = msgspec.structs.replace(
                config.policy, kubeconfig=policy_kubeconfig
            )
            config = msgspec.structs.replace(config, policy=policy)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except UNDECODABLE as error:
        raise ConfigError(f"{path}: {error}") from error
    for mistake in _mistakes(config):
        raise ConfigError(f"{path}: {mistake}")
    return config


def _mistakes(config: Config) -> Iterator[str]:
    """Yield what makes no sense; each value alone is in its range."""
    node, kubernetes, policy = config.node, config.kubernetes, config.policy
    if not config.oci.subnet_id and not kubernetes.kubeconfig:
        yield "[oci] subnet_id is required: the pods' subnet"
    if kubernetes.kubeconfig and not kubernetes.node_name:
        yield "[kubernetes] node_name is required, here or as VCND_NODE_NAME"
    if not config.oci.ip_families:
        yield "[oci] ip_families is empty: IPv4, IPv6 or both"
    yield from _node_mistakes(node)
    if policy.enforcement != "off" and not (kubernetes.kubeconfig or policy.manifests):
        yield (
            "[policy] enforcement needs [kubernetes] kubeconfig or [policy] manifests:"
            " policies come from there"
        )
    if policy.enforcement != "off" and node.mark_mask & POLICY_MARKS:
        yield (
            f"[node] mark_mask {node.mark_mask:#x} has bits of {POLICY_MARKS:#x}, which"
            ' [policy] needs; choose others, or enforcement = "off"'
        )
    for section, endpoint in (("node", node.metrics), ("policy", policy.metrics)):
        try:
            split(endpoint or "localhost:1")
        except ValueError as error:
            yield f"[{section}] metrics: {error}"


def _node_mistakes(node: NodeSection) -> Iterator[str]:
    if not is_mask(node.mark_mask):
        yield (
            f"[node] mark_mask {node.mark_mask:#x} is no row of eight or more bits side"
            " by side, of 32"
        )
    if 0 < node.outside_mtu < LEAST_MTU:
        yield (
            f"[node] outside_mtu {node.outside_mtu} is less than IPv6 takes: 0, or"
            f" {LEAST_MTU} and more"
        )
    for network in node.snat_exempt:
        if ":" in network or not is_network(network):
            yield f"[node] snat_exempt: {network!r} is no network as 172.16.0.0/12"
    for network in node.outside_mtu_exempt:
        if not is_network(network):
            yield f"[node] outside_mtu_exempt: {network!r} is no network as fd01::/48"
