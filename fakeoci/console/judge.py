"""Which rule decided about a flow.  Pure.

The kernel's rules (``fakeoci.fabric.rules``) decide; this says which rule of the world
that was.  It asks in the kernel's order: the source check, what is established, the
rules of the sender's VNIC, then those of the receiver's.  An answer needs a rule at a
VNIC where a stateless rule allowed what it answers.
"""

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

import msgspec

from fakeoci.fabric.desired import VnicLink, vcn_nets
from fakeoci.fabric.netfilter import Way
from fakeoci.fabric.vcn import ISCSI, LINK_LOCAL, LINK_LOCAL_V6, SERVICES
from fakeoci.world.resources import (
    Gateway,
    Instance,
    Nsg,
    PrivateIp,
    SecurityList,
    SecurityRule,
    Subnet,
    Vnic,
)
from fakeoci.world.world import World

PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "132": "sctp"}
PORTS = ("6", "17")
"""The protocols whose rules may name ports."""
LOCAL = {LINK_LOCAL, LINK_LOCAL_V6, ISCSI, SERVICES}
"""The router's own addresses, at which it serves the hosts."""
Ip = IPv4Address | IPv6Address
Net = IPv4Network | IPv6Network


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's decision, or the reason why there is none."""

    stage: str
    """source check, local, established, egress, ingress or route."""
    allows: bool
    text: str
    """The rule and what has it, or what is missing."""


def rule_text(rule: SecurityRule, peer: str) -> str:
    """Return a rule in words, as "tcp 8080 from 10.0.0.0/24"."""
    protocol = PROTOCOLS.get(rule.protocol, rule.protocol)
    if rule.ports is not None:
        low, high = rule.ports.min, rule.ports.max
        protocol += f" {low}" if low == high else f" {low}-{high}"
    if rule.source_ports is not None:
        protocol += f" source ports {rule.source_ports.min}-{rule.source_ports.max}"
    if rule.icmp_type is not None:
        protocol += f" type {rule.icmp_type}"
    if rule.icmp_code is not None:
        protocol += f" code {rule.icmp_code}"
    if rule.is_stateless:
        protocol = f"stateless {protocol}"
    direction = "from" if rule.direction == "INGRESS" else "to"
    told = f" ({rule.description})" if rule.description else ""
    return f"{protocol} {direction} {peer}{told}"


class Judge:
    """Knows the state of a world at one time; make another one when it has changed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._nets = {net.vcn_id: net for net in vcn_nets(world)}
        self._members = {
            nsg: [ip_network(c) for c in members]
            for net in self._nets.values()
            for nsg, members in net.members.items()
        }
        self._parts: dict[str, list[tuple[str, list[SecurityRule]]]] = {}
        """VNIC → the security lists and NSGs that apply to it, with their rules."""
        self._owners: dict[str, str] = {}
        """VNIC → the name of its instance."""
        self._single: dict[tuple[str, str], VnicLink] = {}
        self._blocks: dict[str, list[tuple[Net, VnicLink]]] = {}
        for net in self._nets.values():
            for link in net.links.values():
                self._index(net.vcn_id, link)

    def _index(self, vcn_id: str, link: VnicLink) -> None:
        vnic = self._world.get(Vnic, link.vnic_id)
        self._owners[vnic.id] = self._world.get(Instance, vnic.instance_id).display_name
        lists = self._world.get(Subnet, vnic.subnet_id).security_list_ids
        self._parts[vnic.id] = [
            (f"security list {one.display_name}", list(one.rules))
            for one in (self._world.get(SecurityList, ocid) for ocid in lists)
        ] + [
            (f"NSG {one.display_name}", list(one.rules.values()))
            for one in (self._world.get(Nsg, ocid) for ocid in vnic.nsg_ids)
        ]
        for cidr in link.addresses:
            network = ip_network(cidr)
            if network.num_addresses == 1:
                self._single[vcn_id, str(network.network_address)] = link
            else:
                self._blocks.setdefault(vcn_id, []).append((network, link))

    def link(self, vcn_id: str, address: str) -> VnicLink | None:
        """Return the VNIC that has an address in a VCN."""
        single = self._single.get((vcn_id, address))
        if single is not None:
            return single
        ip = ip_address(address)
        blocks = self._blocks.get(vcn_id, ())
        return next((link for network, link in blocks if ip in network), None)

    def name(self, vcn_id: str, address: str) -> str:
        """Return the name of the instance whose VNIC has an address; "" if none.

        The VCN's own addresses come first: those of another VCN may be the same.
        """
        for one in sorted(self._nets, key=lambda other: other != vcn_id):
            link = self.link(one, address)
            if link is not None:
                return self._owners[link.vnic_id]
        return ""

    def decisions(
        self, vcn_id: str, way: Way, *, accepted: bool, reply: bool, spoofed: bool
    ) -> list[Decision]:
        """Return the decisions about a flow, in their order.

        Args:
            vcn_id: the VCN whose router saw it.
            way: addresses, protocol and ports.
            accepted: the kernel let it pass.
            reply: it goes back to the host that opened the connection.
            spoofed: the source check dropped it.
        """
        if spoofed:
            text = f"{way.source} is no address of the VNIC that sent it"
            return [Decision(stage="source check", allows=False, text=text)]
        if LOCAL & {way.source, way.destination}:
            text = "the router's own address: rules do not apply"
            return [Decision(stage="local", allows=True, text=text)]
        if reply:
            return self._answer(vcn_id, way)
        found = []
        source = self.link(vcn_id, way.source)
        target = self.link(vcn_id, way.destination)
        if source is not None:
            found.append(self._side("egress", source, way, way.destination))
        if target is not None and all(d.allows for d in found):
            found.append(self._side("ingress", target, way, way.source))
        if source is not None and target is None and all(d.allows for d in found):
            found += self._route(vcn_id, source, way)
        if accepted and not all(d.allows for d in found):
            text = "it was allowed when it began; the rules have changed since"
            return [Decision(stage="established", allows=True, text=text)]
        return found

    def _answer(self, vcn_id: str, way: Way) -> list[Decision]:
        """Return the decisions about an answer that passed."""
        opened = Way(
            source=way.destination,
            destination=way.source,
            protocol=way.protocol,
            source_port=way.destination_port,
            destination_port=way.source_port,
        )
        found = []
        for stage, asked, address, peer in (
            ("egress", "ingress", way.source, way.destination),
            ("ingress", "egress", way.destination, way.source),
        ):
            link = self.link(vcn_id, address)
            held = link and self._rule(asked, link, opened, peer)
            if link and held and held[1].is_stateless:
                found.append(self._side(stage, link, way, peer))
        if found and all(d.allows for d in found):
            return found
        text = "it answers a connection that was allowed"
        return [Decision(stage="established", allows=True, text=text)]

    def _rule(
        self, stage: str, link: VnicLink, way: Way, peer: str
    ) -> tuple[str, SecurityRule] | None:
        """Return the rule that decides, with what has it: stateless ones come first."""
        return next(
            (
                (holder, rule)
                for stateless in (True, False)
                for holder, rules in self._parts[link.vnic_id]
                for rule in rules
                if rule.is_stateless == stateless
                and rule.direction == stage.upper()
                and self._matches(rule, way, ip_address(peer))
            ),
            None,
        )

    def _side(self, stage: str, link: VnicLink, way: Way, peer: str) -> Decision:
        """Return the decision of one VNIC's rules."""
        held = self._rule(stage, link, way, peer)
        if held is not None:
            text = f"{held[0]}: {rule_text(held[1], self._peer(held[1]))}"
            return Decision(stage=stage, allows=True, text=text)
        holders = [holder for holder, _ in self._parts[link.vnic_id]]
        protocol = PROTOCOLS.get(str(way.protocol), str(way.protocol))
        port = f" {way.destination_port}" if str(way.protocol) in PORTS else ""
        end = "to" if stage == "egress" else "from"
        text = f"no rule of {', '.join(holders)} allows {protocol}{port} {end} {peer}"
        return Decision(stage=stage, allows=False, text=text)

    def _peer(self, rule: SecurityRule) -> str:
        if rule.peer_type != "NETWORK_SECURITY_GROUP":
            return rule.peer
        nsg = self._world.objects.get(rule.peer)
        return f"NSG {nsg.display_name}" if nsg is not None else "a deleted NSG"

    def _matches(self, rule: SecurityRule, way: Way, peer: Ip) -> bool:
        if rule.protocol not in ("all", str(way.protocol)):
            return False
        for ports, port in (
            (rule.ports, way.destination_port),
            (rule.source_ports, way.source_port),
        ):
            named = ports if rule.protocol in PORTS else None
            if named is not None and not named.min <= port <= named.max:
                return False
        if rule.peer_type == "NETWORK_SECURITY_GROUP":
            return any(peer in network for network in self._members.get(rule.peer, ()))
        return rule.peer_type == "CIDR_BLOCK" and peer in ip_network(rule.peer)

    def _route(self, vcn_id: str, link: VnicLink, way: Way) -> list[Decision]:
        """Return the route by which a flow leaves the VCN."""
        routes = self._nets[vcn_id].routes.get(link.table_of(way.source), ())
        rows = [
            (ip_network(destination), entity)
            for destination, entity in routes
            if ip_address(way.destination) in ip_network(destination)
        ]
        if not rows:
            text = f"no route to {way.destination}"
            return [Decision(stage="route", allows=False, text=text)]
        destination, entity = max(rows, key=lambda row: row[0].prefixlen)
        text = f"{destination} by {self._entity(entity)}"
        return [Decision(stage="route", allows=True, text=text)]

    def _entity(self, ocid: str) -> str:
        held = self._world.objects.get(ocid)
        if isinstance(held, Gateway):
            return f"{held.kind} gateway {held.display_name}"
        if isinstance(held, PrivateIp):
            return f"private IP {held.ip_address}"
        return ocid
