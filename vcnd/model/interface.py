"""What a pod was given on the node."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PodInterface:
    """A plugged pod: both ends of its link."""

    host_ifname: str
    host_mac: str
    pod_mac: str
    mtu: int
