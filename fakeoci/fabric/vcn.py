"""One VCN's namespace, brought to its desired state."""

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count

from fakeoci.fabric import netns, routing, rules
from fakeoci.fabric.desired import VcnNet, VnicLink
from fakeoci.fabric.routing import PolicyRules
from fakeoci.fabric.vtaps import Mirrors
from fakeoci.world.resources import Gateway

VCN_MTU = 9000
SERVICES = "192.0.2.10"
"""The address at which hosts reach Oracle's services: Core and identity."""
LINK_LOCAL, LINK_LOCAL_V6 = "169.254.169.254", "fd00:c1::a9fe:a9fe"
ISCSI = "169.254.0.2"
VNICS_TABLE = 100
FIRST_ROUTE_TABLE = 1000
ROUTER_SETTINGS = {
    "ipv4/ip_forward": 1,
    "ipv6/conf/all/forwarding": 1,
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/default/rp_filter": 0,
    "ipv4/conf/all/send_redirects": 0,
    "ipv4/conf/default/send_redirects": 0,
    # Before any flow begins: counters start with the connection.
    "netfilter/nf_conntrack_acct": 1,
}


def link_settings(ifname: str) -> dict[str, int]:
    """Return the settings by which a link's router answers ARP for others at once."""
    return {
        f"ipv4/conf/{ifname}/proxy_arp": 1,
        # By default the kernel delays proxied answers at random, by up to 0.8 s.
        f"ipv4/neigh/{ifname}/proxy_delay": 0,
    }


BEHIND = "fe80::ffff"
"""Stands for the VNIC at the other end of a link, which is known by its MAC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayLink:
    """A gateway's link in its VCN's namespace."""

    name: str
    beyond: str
    """The IPv6 address of its other end: the next hop of IPv6 routes."""


class VcnNamespace:
    """The router of a VCN."""

    def __init__(self, net: VcnNet, nat_address: str) -> None:
        self.netns = f"vcn-{net.name}"
        self.nat_address = nat_address
        self.names: dict[str, str] = {}
        """VNIC → its link in the router."""
        self._net = replace(net, links={}, routes={}, members={})
        self._numbers = count(1)
        self._mirrors = Mirrors(self.netns)
        self._policy: dict[str, PolicyRules] = {}
        """The policy rules of each link."""
        self._tables: dict[str, int] = {}
        self._rules = ""
        self._guarded: frozenset[tuple[str, str]] = frozenset()
        netns.add(self.netns)
        netns.sysctl(self.netns, ROUTER_SETTINGS)
        netns.nft(self.netns, rules.guard())
        local = (LINK_LOCAL, ISCSI, SERVICES, *net.routers)
        netns.ip(
            self.netns,
            [
                *(f"addr add {a}/32 dev lo" for a in local),
                f"rule add pref {VNICS_TABLE} lookup {VNICS_TABLE}",
                # Packets to addresses of no VNIC are dropped silently, as in the cloud.
                *(f"route add blackhole {c} table {VNICS_TABLE}" for c in net.cidrs),
            ],
        )
        self.has_ipv6 = any(":" in cidr for cidr in net.cidrs)
        if self.has_ipv6:
            netns.ip(self.netns, [f"addr add {LINK_LOCAL_V6}/128 dev lo nodad"])
            rule = f"rule add pref {VNICS_TABLE} lookup {VNICS_TABLE}"
            netns.ip(self.netns, [rule], six=True)

    def add_gateway_link(self, ifname: str, own_address: str, own_ipv6: str) -> None:
        """Bring up a link to another namespace that was made for a gateway.

        The router sends ARP requests from the link's own address.  From an address
        that both routers have (each VCN has the link-local ones) it gets no answer.
        """
        netns.ip(
            self.netns,
            [
                f"link set {ifname} up",
                f"addr add {own_address}/32 dev {ifname}",
                f"addr add {own_ipv6}/64 dev {ifname} nodad",
            ],
        )
        netns.sysctl(self.netns, link_settings(ifname))

    def bring_to(self, net: VcnNet, gateway_links: Mapping[str, GatewayLink]) -> bool:
        """Bring the namespace to a state; return True if security rules changed.

        Args:
            net: the state.
            gateway_links: gateway OCID → its link here.
        """
        old, new = self._net.links, net.links
        moved = {v for v in old.keys() & new.keys() if old[v].place != new[v].place}
        for vnic_id in (old.keys() - new.keys()) | moved:
            self._unplug(self.names.pop(vnic_id))
        fresh = (new.keys() - old.keys()) | moved
        # The primary first: it is the instance's first link.
        for vnic_id in sorted(fresh, key=lambda v: not new[v].is_primary):
            self._plug(new[vnic_id])
        # First the source check: a new address may send at once.
        guarded = rules.guarded(net, self.names)
        if guarded != self._guarded:
            netns.nft(self.netns, rules.guard_change(self._guarded, guarded))
            self._guarded = guarded
        lines: list[str] = []
        for vnic_id, link in new.items():
            self._bring_policy(link)
            before = frozenset() if vnic_id in fresh else old[vnic_id].addresses
            lines += self._address_lines(link, before)
        lines += self._route_lines(net, gateway_links)
        netns.ip(self.netns, lines)
        text = rules.security(net, self.names, self.nat_address)
        changed = text != self._rules
        if changed:
            netns.nft(self.netns, text)
        self._rules, self._net = text, net
        self._mirrors.bring_to(net.mirrors, self.names)
        return changed

    def _plug(self, link: VnicLink) -> None:
        name = f"v{next(self._numbers)}"
        self.names[link.vnic_id] = name
        there = self._free_ifname(link.netns)
        netns.ip(
            self.netns,
            [
                f"link add {name} mtu {VCN_MTU} type veth peer name {there}"
                f" address {link.mac} mtu {VCN_MTU} netns {link.netns}",
                f"link set {name} up",
                f"neigh replace {link.primary_address} lladdr {link.mac}"
                f" nud permanent dev {name}",
            ],
        )
        netns.sysctl(self.netns, link_settings(name))
        if link.ipv6_router:
            self._plug_ipv6(link, name)
        self._bring_policy(link)
        if link.is_primary:
            # The values that DHCP gives; OCI's answers on the primary VNIC alone.
            address = f"{link.primary_address}/{link.subnet_prefix}"
            lines = [
                f"link set {there} up",
                f"addr add {address} dev {there}",
                f"route add default via {link.router} dev {there}",
            ]
            if link.ipv6:
                lines += [
                    f"addr add {link.ipv6}/128 dev {there} nodad",
                    f"route add default via {link.ipv6_router} dev {there}",
                ]
            netns.ip(link.netns, lines)

    def _plug_ipv6(self, link: VnicLink, name: str) -> None:
        """Add the subnet's virtual router, a link-local address, to a VNIC's link."""
        netns.ip(
            self.netns,
            [
                f"addr add {link.ipv6_router}/64 dev {name} nodad",
                f"neigh replace {BEHIND} lladdr {link.mac} nud permanent dev {name}",
            ],
        )

    def _bring_policy(self, link: VnicLink) -> None:
        """Let the packets from a VNIC use the route tables that they shall."""
        name = self.names[link.vnic_id]
        before = self._policy.get(name, PolicyRules())
        after = routing.policy_rules(link, name, self._table)
        for old, new, six in (
            (before.four, after.four, False),
            (before.six, after.six, True),
        ):
            # The new ones come first: packets find a table all the time.
            lines = [f"rule add {rule}" for rule in sorted(new - old)]
            lines += [f"rule del {rule}" for rule in sorted(old - new)]
            netns.ip(self.netns, lines, six=six)
        self._policy[name] = after

    def _unplug(self, name: str) -> None:
        """Delete a VNIC's link, unless it went with its instance."""
        there = netns.inside(self.netns, socket.if_nameindex)
        lines = [f"link del {name}"] if name in {n for _, n in there} else []
        # Rules that name a link stay when it goes.
        rules = self._policy.pop(name)
        netns.ip(self.netns, lines + [f"rule del {r}" for r in sorted(rules.four)])
        netns.ip(self.netns, [f"rule del {r}" for r in sorted(rules.six)], six=True)

    @staticmethod
    def _free_ifname(name: str) -> str:
        def find() -> str:
            taken = {ifname for _, ifname in socket.if_nameindex()}
            return next(n for i in count() if (n := f"eth{i}") not in taken)

        return netns.inside(name, find)

    def _table(self, route_table_id: str) -> int:
        fresh = FIRST_ROUTE_TABLE + len(self._tables)
        return self._tables.setdefault(route_table_id, fresh)

    def _address_lines(self, link: VnicLink, before: frozenset[str]) -> Iterable[str]:
        name = self.names[link.vnic_id]
        table = f"table {VNICS_TABLE}"
        for cidr in sorted(before - link.addresses):
            yield f"route del {cidr} dev {name} {table}"
        for cidr in sorted(link.addresses - before):
            behind = BEHIND if ":" in cidr else link.primary_address
            yield f"route replace {cidr} via {behind} dev {name} onlink {table}"

    def _route_lines(
        self, net: VcnNet, gateway_links: Mapping[str, GatewayLink]
    ) -> Iterable[str]:
        for table_id, routes in net.routes.items():
            if self._net.routes.get(table_id) == routes:
                continue
            table = self._table(table_id)
            for destination, _ in self._net.routes.get(table_id, ()):
                yield f"route del {destination} table {table}"
            for destination, entity in routes:
                link = gateway_links.get(entity)
                if link is None:
                    way = f"blackhole {destination}"
                elif ":" in destination:
                    way = f"{destination} via {link.beyond} dev {link.name}"
                else:
                    way = f"{destination} dev {link.name}"
                yield f"route replace {way} table {table}"

    def spoofed(self) -> int:
        """Return how many packets the source check has dropped."""
        output = netns.nft_output(self.netns, "list counter inet fabric_guard spoofed")
        return int(output.split("packets")[1].split()[0])


def peer_of(gateway: Gateway) -> str:
    """Return a key that both ends of a local peering share."""
    return ":".join(sorted((gateway.id, gateway.peer_id)))
