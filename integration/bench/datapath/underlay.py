"""The network under all nodes: a plain router, and a link to it for each VNIC.

There is no cloud here.  The router delivers a pod's address to its VNIC's link, as a
VCN does, by permanent neighbours.  It has no rule and tracks no connection, so what it
costs is the same for all.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Interface, ip_interface

from fakeoci.fabric import netns
from integration.lab.profile import Profile

ROUTER = "dp-vcn"
MTU = 9000
ROUTES = {
    "ipv4/ip_forward": 1,
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/default/rp_filter": 0,
}
FIRST_POD = 256
"""A pod's place in the subnet of its VNIC: after the VNIC's own address."""


@dataclass(frozen=True, slots=True)
class Place:
    """A node's number, from 1, and what follows from it."""

    number: int

    @property
    def netns(self) -> str:
        """Return its namespace."""
        return f"dp-n{self.number}"

    def pod_netns(self, pod: int) -> str:
        """Return the namespace of one of its pods."""
        return f"dp-n{self.number}p{pod}"

    def mac(self, vnic: int) -> str:
        """Return the MAC of a VNIC: 0 the primary one, 1 the pods'."""
        return f"02:00:17:00:{vnic:02x}:{self.number:02x}"

    @property
    def primary(self) -> IPv4Interface:
        """Return the address of the primary VNIC."""
        return IPv4Interface(f"10.0.{self.number}.2/24")

    @property
    def pods(self) -> IPv4Interface:
        """Return the address of the pods' VNIC."""
        return IPv4Interface(f"10.{100 + self.number}.0.2/20")

    def pod(self, number: int) -> str:
        """Return a pod's address."""
        return str(self.pods.network[FIRST_POD + number])


def router_of(vnic: IPv4Interface) -> str:
    """Return the virtual router's address in a VNIC's subnet."""
    return str(vnic.network[1])


def add_router() -> None:
    """Make the router."""
    netns.add(ROUTER)
    netns.sysctl(ROUTER, ROUTES)


def add_node(place: Place) -> None:
    """Make a node as a plain image is after its boot, with its primary VNIC."""
    netns.add(place.netns)
    Profile("plain").boot(place.netns)
    add_vnic(place, 0, place.primary)
    netns.ip(
        place.netns,
        [
            f"addr add {place.primary} dev eth0",
            f"route add default via {router_of(place.primary)}",
        ],
    )


def add_vnic(place: Place, vnic: int, address: IPv4Interface) -> None:
    """Make a VNIC's link; the node itself gets no address by it."""
    end = f"v{place.number}eth{vnic}"
    netns.ip(
        place.netns,
        [
            f"link add eth{vnic} mtu {MTU} address {place.mac(vnic)} type veth"
            f" peer name {end} mtu {MTU} netns {ROUTER}",
            f"link set eth{vnic} up",
        ],
    )
    gateway = ip_interface(f"{router_of(address)}/{address.network.prefixlen}")
    netns.ip(ROUTER, [f"link set {end} up", f"addr add {gateway} dev {end}"])


def deliver(place: Place, addresses: Iterable[str]) -> None:
    """Let the router deliver addresses to the pods' VNIC of a node."""
    netns.ip(
        ROUTER,
        [
            f"neigh replace {address} lladdr {place.mac(1)} dev v{place.number}eth1"
            " nud permanent"
            for address in addresses
        ],
    )
