"""Subnets: create, change their CIDR blocks, delete."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fakeoci.world.addresses import AddressSpace, Network
from fakeoci.world.cidrs import check_apart, network, subnet_block
from fakeoci.world.errors import conflict, invalid, limit_exceeded, missing
from fakeoci.world.networks import of_vcn, subnets_of
from fakeoci.world.resources import (
    Address,
    DhcpOptions,
    RouteTable,
    SecurityList,
    Subnet,
    Vcn,
)
from fakeoci.world.world import World


@dataclass(kw_only=True)
class NewSubnet:
    """The properties of a new subnet."""

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


def create_subnet(
    world: World, new: NewSubnet, *, compartment_id: str, now: float
) -> Subnet:
    """Create a subnet (CreateSubnet)."""
    vcn = world.get(Vcn, new.vcn_id)
    if not new.cidr_blocks and not new.ipv6_cidr_blocks:
        raise missing("cidrBlock or ipv4CidrBlocks: a subnet needs addresses")
    routes = new.route_table_id or vcn.default_route_table_id
    lists = new.security_list_ids
    if lists is None:
        lists = [vcn.default_security_list_id]
    dhcp = new.dhcp_options_id or vcn.default_dhcp_options_id
    check_parts(world, vcn, routes=routes, lists=lists, dhcp=dhcp)
    _check_dns_label(world, vcn, new.dns_label)
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
        _check_count(world, len(cidrs), version)
        for cidr in cidrs:
            block = _new_block(world, vcn, subnet, cidr, version)
            _cidrs(subnet, version).append(str(block))
    return world.add(subnet)


def check_parts(
    world: World,
    vcn: Vcn,
    *,
    routes: str | None = None,
    lists: Sequence[str] | None = None,
    dhcp: str | None = None,
) -> None:
    """Raise unless a subnet of a VCN can have this table, these lists, these options.

    Raises:
        ServiceError: 404, one does not exist; 400, one is of another VCN, or there
            are too many security lists.
    """
    if routes is not None:
        of_vcn(world, RouteTable, routes, vcn.id)
    if dhcp is not None:
        of_vcn(world, DhcpOptions, dhcp, vcn.id)
    most = world.settings.limits.lists_per_subnet
    if len(lists or ()) > most:
        raise limit_exceeded(f"a subnet has at most {most} security lists")
    for list_id in lists or ():
        of_vcn(world, SecurityList, list_id, vcn.id)


def _check_dns_label(world: World, vcn: Vcn, label: str) -> None:
    if not label:
        return
    if not vcn.dns_label:
        raise invalid(f"dnsLabel {label}: the VCN was created without a DNS label")
    held = {s.dns_label.lower() for s in subnets_of(world, vcn)}
    if label.lower() in held:
        raise invalid(
            f"DNS Label {label} is a duplicate of one that already exists in the VCN"
        )


def _cidrs(subnet: Subnet, version: int) -> list[str]:
    return subnet.cidr_blocks if version == 4 else subnet.ipv6_cidr_blocks  # noqa: PLR2004


def _new_block(world: World, vcn: Vcn, own: Subnet, cidr: str, version: int) -> Network:
    outer = vcn.cidr_blocks if version == 4 else vcn.ipv6_cidr_blocks  # noqa: PLR2004
    block = subnet_block(cidr, version, outer)
    for subnet in (own, *subnets_of(world, vcn)):
        check_apart(block, _cidrs(subnet, version))
    return block


def _check_count(world: World, count: int, version: int) -> None:
    limits = world.settings.limits
    most = (
        limits.cidrs_per_subnet if version == 4 else limits.ipv6_prefixes_per_subnet  # noqa: PLR2004
    )
    if count > most:
        raise limit_exceeded(f"a subnet has at most {most} IPv{version} CIDR blocks")


def add_subnet_cidr(world: World, subnet: Subnet, cidr: str, version: int) -> None:
    """Add a block to a subnet (AddIpv4SubnetCidr, AddIpv6SubnetCidr)."""
    held = _cidrs(subnet, version)
    _check_count(world, len(held) + 1, version)
    vcn = world.get(Vcn, subnet.vcn_id)
    block = _new_block(world, vcn, subnet, cidr, version)
    held.append(str(block))
    _space(world, subnet, version).blocks.append(block)
    world.touch(subnet)


def _space(world: World, subnet: Subnet, version: int) -> AddressSpace:
    return world.blocks(subnet.id)[0 if version == 4 else 1]  # noqa: PLR2004


def remove_subnet_cidr(world: World, subnet: Subnet, cidr: str, version: int) -> None:
    """Remove an unused block from a subnet (RemoveIpv4SubnetCidr, …)."""
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
    space, before = world.space(subnet.id), network(old, 4)
    if before not in space.blocks:
        raise invalid(f"{old} is no CIDR block of the subnet")
    vcn = world.get(Vcn, subnet.vcn_id)
    after = subnet_block(new, 4, vcn.cidr_blocks)
    others = [c for s in subnets_of(world, vcn) for c in s.cidr_blocks if c != old]
    check_apart(after, others)
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
