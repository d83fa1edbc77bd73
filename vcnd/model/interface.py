"""What a pod was given on the node."""

from dataclasses import dataclass

from vcnd.model.family import Family

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
