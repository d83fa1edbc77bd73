"""The kernel's desired state for a state of the world.  Pure."""

from dataclasses import dataclass
from ipaddress import IPv4Network, ip_address, ip_network

from fakeoci.fabric.mirrors import Mirror, mirrors
from fakeoci.world.resources import (
    Address,
    Gateway,
    Instance,
    Ipv6,
    Nsg,
    PrivateIp,
    RouteTable,
    SecurityList,
    SecurityRule,
    Subnet,
    Vcn,
    Vnic,
    VnicAttachment,
)
from fakeoci.world.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class VnicLink:
    """A VNIC that is attached: a link between its VCN and its instance."""

    vnic_id: str
    netns: str
    mac: str
    is_primary: bool
    primary_address: str
    subnet_prefix: int
    router: str
    addresses: frozenset[str]
    """All private IPs and IPv6 addresses, as CIDRs."""
    ipv6: str
    """The first IPv6 address; empty if it has none."""
    ipv6_router: str
    route_table_id: str
    """The VNIC's own route table, or else its subnet's."""
    address_tables: tuple[tuple[str, str], ...]
    """(address as a CIDR, its own route table), of those that have one."""
    subnet_id: str
    is_public: bool
    """False: none of its addresses can use an internet gateway."""
    checks_source: bool
    public_ip: str | None
    ingress: tuple[SecurityRule, ...]
    egress: tuple[SecurityRule, ...]

    def table_of(self, address: str) -> str:
        """Return the route table that packets from an address use."""
        ip = ip_address(address)
        own = (t for cidr, t in self.address_tables if ip in ip_network(cidr))
        return next(own, self.route_table_id)

    @property
    def place(self) -> tuple[str, str, str]:
        """Return the properties that a link keeps as long as it exists."""
        return self.netns, self.mac, self.primary_address


@dataclass(frozen=True, slots=True, kw_only=True)
class VcnNet:
    """A VCN: its namespace, its routes, the members of its NSGs."""

    vcn_id: str
    name: str
    cidrs: tuple[str, ...]
    routers: tuple[str, ...]
    gateways: tuple[Gateway, ...]
    routes: dict[str, tuple[tuple[str, str], ...]]
    """Route table → (destination, gateway or private IP)."""
    links: dict[str, VnicLink]
    members: dict[str, tuple[str, ...]]
    """NSG → its members' addresses, as CIDRs."""
    mirrors: tuple[Mirror, ...] = ()


def _cidr(address: Address) -> str:
    return f"{address.ip_address}/{address.prefix_length}"


def vcn_nets(world: World) -> list[VcnNet]:
    """Return the desired state of each VCN's namespace."""
    attached = {
        a.vnic_id for a in world.all(VnicAttachment) if a.lifecycle_state == "ATTACHED"
    }
    addresses: dict[str, list[Address]] = {}
    for address in (*world.all(PrivateIp), *world.all(Ipv6)):
        if address.vnic_id is not None:
            addresses.setdefault(address.vnic_id, []).append(address)
    nets = []
    for vcn in world.all(Vcn):
        subnets = {s.id: s for s in world.all(Subnet) if s.vcn_id == vcn.id}
        vnics = [v for v in world.all(Vnic) if v.subnet_id in subnets]
        nets.append(
            VcnNet(
                vcn_id=vcn.id,
                name=vcn.display_name,
                cidrs=(*vcn.cidr_blocks, *vcn.ipv6_cidr_blocks),
                routers=tuple(str(world.space(s).router) for s in subnets),
                gateways=tuple(g for g in world.all(Gateway) if g.vcn_id == vcn.id),
                routes={
                    t.id: tuple(
                        (r.destination, r.network_entity_id)
                        for r in t.rules
                        if r.destination_type == "CIDR_BLOCK"
                    )
                    for t in world.all(RouteTable)
                    if t.vcn_id == vcn.id
                },
                links={
                    v.id: _link(world, v, subnets[v.subnet_id], addresses[v.id])
                    for v in vnics
                    if v.id in attached
                },
                members={
                    nsg.id: tuple(
                        _cidr(p)
                        for v in vnics
                        if nsg.id in v.nsg_ids
                        for p in addresses[v.id]
                    )
                    for nsg in world.all(Nsg)
                    if nsg.vcn_id == vcn.id
                },
                mirrors=mirrors(world, vcn.id, attached),
            )
        )
    return nets


def _link(world: World, vnic: Vnic, subnet: Subnet, held: list[Address]) -> VnicLink:
    rules = [
        rule
        for list_id in subnet.security_list_ids
        for rule in world.get(SecurityList, list_id).rules
    ]
    for nsg_id in vnic.nsg_ids:
        rules += world.get(Nsg, nsg_id).rules.values()
    primary = next(p.ip_address for p in held if p.is_primary)
    sixes = [p.ip_address for p in held if isinstance(p, Ipv6)]
    six = bool(subnet.ipv6_cidr_blocks)
    return VnicLink(
        vnic_id=vnic.id,
        netns=world.get(Instance, vnic.instance_id).netns,
        mac=vnic.mac_address,
        is_primary=vnic.is_primary,
        primary_address=primary,
        subnet_prefix=IPv4Network(subnet.cidr_blocks[0]).prefixlen,
        router=str(world.space(subnet.id).router),
        addresses=frozenset(_cidr(p) for p in held),
        ipv6=sixes[0] if sixes else "",
        ipv6_router=str(world.space(subnet.id, Ipv6).router) if six else "",
        route_table_id=vnic.route_table_id or subnet.route_table_id,
        address_tables=tuple(
            (_cidr(p), p.route_table_id) for p in held if p.route_table_id
        ),
        subnet_id=subnet.id,
        is_public=not subnet.prohibit_public_ip,
        checks_source=not vnic.skip_source_dest_check,
        public_ip=vnic.public_ip,
        ingress=tuple(r for r in rules if r.direction == "INGRESS"),
        egress=tuple(r for r in rules if r.direction == "EGRESS"),
    )
