"""A link between a VCN and the network of the fake's own process.

A host of that network (such as Docker's host) asks by ARP for an instance's address.
The fake answers (proxy ARP) and passes the packets to the VCN's router; the answers go
back the same way.  Instances themselves see the VCN only.
"""

from fakeoci.fabric import netns
from fakeoci.fabric.vcn import VNICS_TABLE

HERE, THERE = "100.127.255.1", "100.127.255.2"
LINK, PEER = "uplink", "uplink0"


class Uplink:
    """The link, made at its first use.  Synchronous."""

    def __init__(self, vcn_netns: str) -> None:
        self._vcn_netns = vcn_netns
        self._made = False

    def lead_to(self, address: str, *, outside: str) -> None:
        """Make an address of the VCN reachable from an address outside."""
        if not self._made:
            self._make(outside)
        netns.ip_here([f"route replace {address}/32 via {THERE} dev {LINK}"])

    def _make(self, outside: str) -> None:
        name = self._vcn_netns
        netns.ip_here(
            [
                f"link add {LINK} type veth peer {PEER} netns {name}",
                f"addr add {HERE}/30 dev {LINK}",
                f"link set {LINK} up",
            ]
        )
        netns.ip(
            name,
            [
                f"addr add {THERE}/30 dev {PEER}",
                f"link set {PEER} up",
                f"route add {outside}/32 via {HERE} dev {PEER} onlink"
                f" table {VNICS_TABLE}",
            ],
        )
        netns.sysctl_here(
            {
                "ipv4/ip_forward": 1,
                "ipv4/conf/eth0/proxy_arp": 1,
                "ipv4/neigh/eth0/proxy_delay": 0,
                "ipv4/conf/all/send_redirects": 0,
                "ipv4/conf/eth0/send_redirects": 0,
            }
        )
        self._made = True
