"""The links of a VCN's gateways: to the internet, on-premises and peered VCNs."""

from collections.abc import Mapping
from ipaddress import IPv6Network
from itertools import count

from fakeoci.fabric import netns
from fakeoci.fabric.desired import VcnNet
from fakeoci.fabric.vcn import GatewayLink, VcnNamespace, link_settings, peer_of
from fakeoci.world.cidrs import GUA
from fakeoci.world.resources import Gateway
from fakeoci.world.world import World

INTERNET = "internet"
TRANSIT = "100.127.0."
"""Addresses of the links between routers; no host has one."""
MAKER, OTHER = "fe80::1", "fe80::2"
"""Their IPv6 addresses: at the side that made the link, and at the other."""
OUTSIDE_MTU = 1500


class GatewayLinks:
    """Makes the links; each exists as long as the fabric.  Synchronous."""

    def __init__(self, world: World, vcns: Mapping[str, VcnNamespace]) -> None:
        self._world = world
        self._vcns = vcns
        self._transit = count(1)
        self._waiting: dict[str, str] = {}
        """Local peering → its link in the namespace of the VCN that comes second."""
        self.links: dict[str, GatewayLink] = {}
        """By the gateway's OCID."""

    def link(self, net: VcnNet, gateway: Gateway) -> None:
        """Link a VCN with what is behind its gateway, if that has a namespace."""
        vcn = self._vcns[net.vcn_id]
        match gateway.kind:
            case "nat":
                made = self._link_internet(vcn, net, "nat0", [vcn.nat_address])
            case "internet":
                public = [x.public_ip for x in net.links.values() if x.public_ip]
                six = [c for c in net.cidrs if ":" in c]
                public += [c for c in six if IPv6Network(c).subnet_of(GUA)]
                made = self._link_internet(vcn, net, "igw0", public)
            case "drg" if gateway.network:
                made = self._link_onprem(vcn, gateway)
            case "peering" if gateway.peer_id:
                made = self._link_peering(vcn, gateway)
            case _:
                return  # its other side has no namespace
        self.links[gateway.id] = made

    def _link_internet(
        self, vcn: VcnNamespace, net: VcnNet, name: str, public: list[str]
    ) -> GatewayLink:
        """Link to the internet, with these addresses and IPv6 prefixes."""
        there = f"{name}-{net.name}"[:15]
        made = self._link(vcn, name, INTERNET, there)
        four = [a for a in public if ":" not in a]
        via = [f"route add {c} via {MAKER} dev {there}" for c in public if ":" in c]
        netns.ip(INTERNET, [*(f"route add {a}/32 dev {there}" for a in four), *via])
        # The internet asks by ARP who has them: the VCN answers.
        netns.ip(vcn.netns, [f"addr add {a}/32 dev lo" for a in four])
        return made

    def _link_onprem(self, vcn: VcnNamespace, gateway: Gateway) -> GatewayLink:
        name, there = f"drg{len(self.links)}", f"onprem-{gateway.network}"
        made = self._link(vcn, name, there, "vcn0")
        onprem = self._world.onprem[gateway.network]
        prefix = onprem.cidr.partition("/")[2]
        address = f"addr add {onprem.host}/{prefix} dev vcn0"
        lines = [address, "route add default dev vcn0"]
        if onprem.ipv6_host:
            prefix = onprem.ipv6_cidr.partition("/")[2]
            lines += [
                f"addr add {onprem.ipv6_host}/{prefix} dev vcn0 nodad",
                f"route add ::/0 via {MAKER} dev vcn0",
            ]
        netns.ip(there, lines)
        return made

    def _link(self, vcn: VcnNamespace, name: str, there: str, peer: str) -> GatewayLink:
        netns.ip(
            vcn.netns,
            [
                f"link add {name} mtu {OUTSIDE_MTU} type veth peer name {peer}"
                f" mtu {OUTSIDE_MTU} netns {there}"
            ],
        )
        vcn.add_gateway_link(name, self._next_transit(), MAKER)
        address = f"addr add {OTHER}/64 dev {peer} nodad"
        netns.ip(there, [f"link set {peer} up", address])
        netns.sysctl(there, link_settings(peer))
        return GatewayLink(name=name, beyond=OTHER)

    def _link_peering(self, vcn: VcnNamespace, gateway: Gateway) -> GatewayLink:
        """Make the pair from the side that comes first; the other finds its end."""
        name = f"lpg{len(self.links)}"
        waiting = self._waiting.pop(peer_of(gateway), None)
        if waiting is None:
            other = self._world.get(Gateway, gateway.peer_id)
            there = self._vcns[other.vcn_id].netns
            peer = f"{name}-peer"
            netns.ip(
                vcn.netns, [f"link add {name} type veth peer name {peer} netns {there}"]
            )
            self._waiting[peer_of(gateway)] = peer
        else:
            netns.ip(vcn.netns, [f"link set {waiting} name {name}"])
        own, beyond = (MAKER, OTHER) if waiting is None else (OTHER, MAKER)
        vcn.add_gateway_link(name, self._next_transit(), own)
        return GatewayLink(name=name, beyond=beyond)

    def _next_transit(self) -> str:
        return f"{TRANSIT}{next(self._transit)}"
