"""What a pod was given on the node."""

from dataclasses import dataclass

from vcnd.model.family import Family
from vcnd.model.sandbox import PodRef, SandboxKey

GATEWAYS = {Family.IPV4: "169.254.1.1", Family.IPV6: "fe80::1"}
"""The pods' next hop: no such address exists, both sides know the other's MAC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodInterface:
    """A plugged pod: both ends of its link."""

    host_ifname: str
    host_mac: str
    pod_mac: str
    mtu: int
    default_routes: frozenset[Family]
    """The families whose default route goes by it: those of a further one do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodLink:
    """A link of the node with a name like a pod's."""

    host_ifname: str
    ours: bool
    """Whether vcnd made it; others are left alone."""
    addresses: tuple[str, ...] = ()
    """The addresses of the pod that it carries, IPv4 first; none: it carries none."""
    key: SandboxKey | None = None
    """The sandbox, where the link says so."""
    pod: PodRef | None = None
