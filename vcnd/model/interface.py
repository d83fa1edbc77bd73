"""A pod's interface and link on the node."""

import msgspec

from vcnd.model.family import Family, family_of
from vcnd.model.sandbox import PodRef, SandboxKey

GATEWAYS = {Family.IPV4: "169.254.1.1", Family.IPV6: "fe80::1"}
"""The pods' next hop: no such address exists, both sides know the other's MAC."""


class Destination(msgspec.Struct, frozen=True):
    """A network that a route leads to, and how long packets to it may be."""

    network: str
    """In CIDR form; that of the default route is ``0.0.0.0/0`` or ``::/0``."""
    mtu: int = 0
    """In bytes; 0: as the link takes."""

    @property
    def gateway(self) -> str:
        """Return the pods' next hop to it."""
        return GATEWAYS[family_of(self.network)]


class PodInterface(msgspec.Struct, frozen=True, kw_only=True):
    """A plugged pod: both ends of its link."""

    host_ifname: str
    host_mac: str
    pod_mac: str
    mtu: int
    destinations: tuple[Destination, ...]
    """What the pod reaches by our gateway: everything, and networks to which longer
    packets may go.  None for a further interface."""


class PodLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link of the node with a name like a pod's."""

    host_ifname: str
    ours: bool
    """True if vcnd made it; others' links are not changed."""
    addresses: tuple[str, ...] = ()
    """The addresses of its pod, IPv4 first; empty if it carries no pod."""
    key: SandboxKey | None = None
    """The sandbox that its alias names, if any."""
    pod: PodRef | None = None
    express: bool = False
    """True if its packets may use the express lane; False if nothing says so."""
