"""VCNs and subnets: made, given more CIDR blocks, deleted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network

from fakeoci.world.addresses import AddressSpace, Network
from fakeoci.world.errors import conflict, invalid, limit_exceeded, missing
from fakeoci.world.nouns import (
    Address,
    DhcpOptions,
    Gateway,
    Nsg,
    RouteTable,
    SecurityList,
    SecurityRule,
    Subnet,
    Vcn,
)
from fakeoci.world.world import World

VCN_PREFIXES = range(16, 31)
VCN_V6_PREFIX = 56
SUBNET_V6_PREFIX = 64
GUA = IPv6Network("2603:c020::/28")
"""Oracle's own global block, from which VCNs are given their /56s."""


@dataclass(kw_only=True)
class NewSubnet:
    """What a subnet shall be."""

    vcn_id: str
    cidr_blocks: Sequence[str]
    ipv6_cidr_blocks: Sequence[str] = ()
    route_table_id: str | None = None
    security_list_ids: Sequence[str] | None = None
    dhcp_options_id: str | None = None
    prohibit_public_ip: bool = False
    display_name: str = ""
    dns_label: str = ""
    freeform_tags: dict[str, str] = field(default_factory=dict)


def network(text: str, version: int) -> Network:
    """Return a CIDR block.

    Raises:
        ServiceError: 400, it is malformed or of the other family.
    """
    try:
        block = ip_network(text)
    except ValueError as error:
        raise invalid(f"CIDR block {text!r}: {error}") from error
    if block.version != version:
        raise invalid(f"CIDR block {text} is not IPv{version}")
    return block


def _check_apart(block: Network, others: Iterable[str]) -> None:
    for other in others:
        if block.overlaps(ip_network(other)):
            raise invalid(f"CIDR block {block} overlaps {other}")


# VCNs


def create_vcn(
    world: World,
    *,
    compartment_id: str,
    cidr_blocks: Sequence[str],
    display_name: str,
    dns_label: str,
    freeform_tags: dict[str, str],
    with_ipv6: bool,
    now: float,
) -> Vcn:
    """Make a VCN with its default route table and security list (CreateVcn)."""
    if not cidr_blocks:
        raise missing("cidrBlocks: a VCN needs at least one")
    for number, cidr in enumerate(cidr_blocks):
        _check_vcn_block(network(cidr, 4), cidr_blocks[:number])
    common = {"compartment_id": compartment_id, "time_created": now}
    vcn = world.add(
        Vcn(
            id=world.names.ocid("vcn"),
            compartment_id=compartment_id,
            time_created=now,
            display_name=display_name,
            freeform_tags=dict(freeform_tags),
            cidr_blocks=list(cidr_blocks),
            dns_label=dns_label,
        )
    )
    routes = world.add(
        RouteTable(
            id=world.names.ocid("routetable"),
            vcn_id=vcn.id,
            display_name=f"Default Route Table for {display_name}",
            **common,  # type: ignore[arg-type]
        )
    )
    security = world.add(
        SecurityList(
            id=world.names.ocid("securitylist"),
            vcn_id=vcn.id,
            display_name=f"Default Security List for {display_name}",
            # OCI's default list lets everything out, and SSH and path MTU in.
            rules=[
                SecurityRule(direction="EGRESS"),
                SecurityRule(protocol="1", icmp_type=3),
            ],
            **common,  # type: ignore[arg-type]
        )
    )
    dhcp = world.add(
        DhcpOptions(
            id=world.names.ocid("dhcpoptions"),
            vcn_id=vcn.id,
            display_name=f"Default DHCP Options for {display_name}",
            options=[
                {"type": "DomainNameServer", "serverType": "VcnLocalPlusInternet"}
            ],
            **common,  # type: ignore[arg-type]
        )
    )
    vcn.default_dhcp_options_id = dhcp.id
    vcn.default_route_table_id = routes.id
    vcn.default_security_list_id = security.id
    if with_ipv6:
        add_vcn_ipv6(world, vcn)
    return vcn


def _check_vcn_block(block: Network, others: Sequence[str]) -> None:
    if block.prefixlen not in VCN_PREFIXES:
        raise invalid(f"a VCN's CIDR block is /16 to /30, not {block}")
    _check_apart(block, others)


def add_vcn_cidr(world: World, vcn: Vcn, cidr: str) -> None:
    """Give a VCN one more IPv4 block (AddVcnCidr)."""
    most = world.settings.limits.cidrs_per_vcn
    if len(vcn.cidr_blocks) >= most:
        raise limit_exceeded(f"a VCN has at most {most} IPv4 CIDR blocks")
    _check_vcn_block(network(cidr, 4), vcn.cidr_blocks)
    vcn.cidr_blocks.append(cidr)
    world.touch(vcn)


def add_vcn_ipv6(world: World, vcn: Vcn, private: str | None = None) -> None:
    """Give a VCN an IPv6 block: Oracle's own /56, or a private one (AddIpv6VcnCidr)."""
    if private is not None:
        block = network(private, 6)
        _check_apart(block, vcn.ipv6_cidr_blocks)
        vcn.ipv6_cidr_blocks.append(str(block))
    else:
        held = {b for v in world.all(Vcn) for b in v.ipv6_cidr_blocks}
        free = (b for b in GUA.subnets(new_prefix=VCN_V6_PREFIX) if str(b) not in held)
        vcn.ipv6_cidr_blocks.append(str(next(free)))
    world.touch(vcn)


def remove_vcn_cidr(world: World, vcn: Vcn, cidr: str) -> None:
    """Take a block of either family from a VCN (RemoveVcnCidr)."""
    for blocks in (vcn.cidr_blocks, vcn.ipv6_cidr_blocks):
        if cidr not in blocks:
            continue
        if any(
            ip_network(c).overlaps(ip_network(cidr))
            for s in _subnets_of(world, vcn)
            for c in (*s.cidr_blocks, *s.ipv6_cidr_blocks)
        ):
            raise conflict(f"CIDR block {cidr}")
        if blocks is vcn.cidr_blocks and len(blocks) == 1:
            raise invalid("a VCN needs an IPv4 CIDR block")
        blocks.remove(cidr)
        world.touch(vcn)
        return
    raise invalid(f"{cidr} is no CIDR block of the VCN")


def modify_vcn_cidr(world: World, vcn: Vcn, old: str, new: str) -> None:
    """Make a VCN's block larger or smaller (ModifyVcnCidr)."""
    if old not in vcn.cidr_blocks:
        raise invalid(f"{old} is no CIDR block of the VCN")
    block, others = network(new, 4), [c for c in vcn.cidr_blocks if c != old]
    _check_vcn_block(block, others)
    inside = [IPv4Network(c) for c in (*others, new)]
    for subnet in _subnets_of(world, vcn):
        for cidr in subnet.cidr_blocks:
            if not any(IPv4Network(cidr).subnet_of(b) for b in inside):
                raise conflict(f"CIDR block {old}")
    vcn.cidr_blocks[vcn.cidr_blocks.index(old)] = new
    world.touch(vcn)


def _subnets_of(world: World, vcn: Vcn) -> list[Subnet]:
    return [s for s in world.all(Subnet) if s.vcn_id == vcn.id]


def delete_vcn(world: World, vcn: Vcn) -> None:
    """Delete a VCN that has nothing left but its defaults (DeleteVcn)."""
    defaults = {
        vcn.default_route_table_id,
        vcn.default_security_list_id,
        vcn.default_dhcp_options_id,
    }
    for kind in (Subnet, Gateway, Nsg, RouteTable, SecurityList, DhcpOptions):
        for noun in world.all(kind):
            if getattr(noun, "vcn_id", "") == vcn.id and noun.id not in defaults:
                raise conflict(f"VCN {vcn.id}")
    for default in defaults & world.objects.keys():
        world.drop(world.objects[default])
    world.drop(vcn)


# Subnets


def create_subnet(
    world: World, new: NewSubnet, *, compartment_id: str, now: float
) -> Subnet:
    """Make a subnet (CreateSubnet)."""
    vcn = world.get(Vcn, new.vcn_id)
    if not new.cidr_blocks and not new.ipv6_cidr_blocks:
        raise missing("cidrBlock or ipv4CidrBlocks: a subnet needs addresses")
    routes = new.route_table_id or vcn.default_route_table_id
    lists = new.security_list_ids
    if lists is None:
        lists = [vcn.default_security_list_id]
    world.get(RouteTable, routes)
    dhcp = new.dhcp_options_id or vcn.default_dhcp_options_id
    world.get(DhcpOptions, dhcp)
    for list_id in lists:
        world.get(SecurityList, list_id)
    subnet = Subnet(
        id=world.names.ocid("subnet"),
        compartment_id=compartment_id,
        display_name=new.display_name,
        time_created=now,
        freeform_tags=dict(new.freeform_tags),
        vcn_id=vcn.id,
        cidr_blocks=[],
        route_table_id=routes,
        security_list_ids=list(lists),
        prohibit_public_ip=new.prohibit_public_ip,
        dns_label=new.dns_label,
        dhcp_options_id=dhcp,
    )
    for version, cidrs in ((4, new.cidr_blocks), (6, new.ipv6_cidr_blocks)):
        for cidr in cidrs:
            _check_subnet_block(world, vcn, subnet, network(cidr, version))
            _cidrs(subnet, version).append(cidr)
    return world.add(subnet)


def _cidrs(subnet: Subnet, version: int) -> list[str]:
    return subnet.cidr_blocks if version == 4 else subnet.ipv6_cidr_blocks  # noqa: PLR2004


def _check_subnet_block(world: World, vcn: Vcn, own: Subnet, block: Network) -> None:
    if isinstance(block, IPv4Network):
        inside = any(block.subnet_of(IPv4Network(c)) for c in vcn.cidr_blocks)
    else:
        if block.prefixlen != SUBNET_V6_PREFIX:
            raise invalid(f"a subnet's IPv6 prefix is a /64, not {block}")
        inside = any(block.subnet_of(IPv6Network(c)) for c in vcn.ipv6_cidr_blocks)
    if not inside:
        raise invalid(f"{block} is in no CIDR block of the VCN")
    for subnet in (own, *_subnets_of(world, vcn)):
        _check_apart(block, _cidrs(subnet, block.version))


def add_subnet_cidr(world: World, subnet: Subnet, cidr: str, version: int) -> None:
    """Give a subnet one more block (AddIpv4SubnetCidr, AddIpv6SubnetCidr)."""
    limits, held = world.settings.limits, _cidrs(subnet, version)
    most = (
        limits.cidrs_per_subnet if version == 4 else limits.ipv6_prefixes_per_subnet  # noqa: PLR2004
    )
    if len(held) >= most:
        raise limit_exceeded(f"a subnet has at most {most} IPv{version} CIDR blocks")
    block = network(cidr, version)
    _check_subnet_block(world, world.get(Vcn, subnet.vcn_id), subnet, block)
    held.append(cidr)
    _space(world, subnet, version).blocks.append(block)
    world.touch(subnet)


def _space(world: World, subnet: Subnet, version: int) -> AddressSpace:
    return world.blocks(subnet.id)[0 if version == 4 else 1]  # noqa: PLR2004


def remove_subnet_cidr(world: World, subnet: Subnet, cidr: str, version: int) -> None:
    """Take a block from a subnet that nobody uses (RemoveIpv4SubnetCidr, …)."""
    space, block = _space(world, subnet, version), network(cidr, version)
    if block not in space.blocks:
        raise invalid(f"{cidr} is no CIDR block of the subnet")
    if space.in_use(block):
        raise conflict(f"CIDR block {cidr}")
    if len(subnet.cidr_blocks) + len(subnet.ipv6_cidr_blocks) == 1:
        raise invalid("a subnet needs a CIDR block")
    space.blocks.remove(block)
    _cidrs(subnet, version).remove(str(block))
    world.touch(subnet)


def modify_subnet_cidr(world: World, subnet: Subnet, old: str, new: str) -> None:
    """Make a subnet's block larger or smaller (ModifyIpv4SubnetCidr)."""
    space, before, after = world.space(subnet.id), network(old, 4), network(new, 4)
    if before not in space.blocks:
        raise invalid(f"{old} is no CIDR block of the subnet")
    vcn = world.get(Vcn, subnet.vcn_id)
    if not any(IPv4Network(new).subnet_of(IPv4Network(c)) for c in vcn.cidr_blocks):
        raise invalid(f"{new} is in no CIDR block of the VCN")
    others = [c for s in _subnets_of(world, vcn) for c in s.cidr_blocks if c != old]
    _check_apart(after, others)
    usable = space.usable(after)
    kept = [s for s in space.taken if _meets(s, space.usable(before))]
    if any(s.start < usable.start or s.stop > usable.stop for s in kept):
        raise conflict(f"a part of {old} outside {new}")
    space.blocks[space.blocks.index(before)] = after
    subnet.cidr_blocks[subnet.cidr_blocks.index(old)] = new
    world.touch(subnet)


def _meets(one: range, other: range) -> bool:
    return one.start < other.stop and other.start < one.stop


def delete_subnet(world: World, subnet: Subnet) -> None:
    """Delete a subnet without addresses (DeleteSubnet)."""
    if any(a.subnet_id == subnet.id for a in world.all(Address)):
        raise conflict(f"subnet {subnet.id}")
    world.drop(subnet)
