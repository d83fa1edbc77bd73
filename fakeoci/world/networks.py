"""VCNs: create, change their CIDR blocks, delete."""

from collections.abc import Sequence
from ipaddress import IPv4Network, ip_network
from typing import TypeVar

from fakeoci.world.cidrs import (
    GUA,
    VCN_V6_PREFIX,
    check_apart,
    vcn_block,
    vcn_prefix,
)
from fakeoci.world.errors import (
    ServiceError,
    conflict,
    invalid,
    limit_exceeded,
    missing,
)
from fakeoci.world.resources import (
    DhcpOptions,
    Gateway,
    Nsg,
    Resource,
    RouteTable,
    SecurityList,
    SecurityRule,
    Subnet,
    Vcn,
    Vtap,
)
from fakeoci.world.world import World

T = TypeVar("T", bound=Resource)


def create_vcn(
    world: World,
    *,
    compartment_id: str,
    cidr_blocks: Sequence[str],
    display_name: str,
    dns_label: str,
    freeform_tags: dict[str, str],
    with_ipv6: bool,
    ipv6_private: Sequence[str] = (),
    now: float,
) -> Vcn:
    """Create a VCN with its default table, list and options (CreateVcn)."""
    if not cidr_blocks:
        raise missing("cidrBlocks: a VCN needs at least one")
    most = world.settings.limits.cidrs_per_vcn
    if len(cidr_blocks) > most:
        raise limit_exceeded(f"a VCN has at most {most} IPv4 CIDR blocks")
    for number, cidr in enumerate(cidr_blocks):
        vcn_block(cidr, cidr_blocks[:number])
    if len(ipv6_private) + with_ipv6 > world.settings.limits.ipv6_prefixes_per_vcn:
        raise _too_many_prefixes(world)
    prefixes = [_oracles_prefix(world)] if with_ipv6 else []
    for cidr in ipv6_private:
        prefixes.append(str(vcn_prefix(cidr, prefixes)))
    common = {"compartment_id": compartment_id, "time_created": now}
    vcn = world.add(
        Vcn(
            id=world.names.ocid("vcn"),
            compartment_id=compartment_id,
            time_created=now,
            display_name=display_name,
            freeform_tags=dict(freeform_tags),
            cidr_blocks=list(cidr_blocks),
            ipv6_cidr_blocks=prefixes,
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
            # OCI's default list allows all egress, and ingress of SSH and path MTU.
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
    return vcn


def add_vcn_cidr(world: World, vcn: Vcn, cidr: str) -> None:
    """Add an IPv4 block to a VCN (AddVcnCidr)."""
    most = world.settings.limits.cidrs_per_vcn
    if len(vcn.cidr_blocks) >= most:
        raise limit_exceeded(f"a VCN has at most {most} IPv4 CIDR blocks")
    vcn_block(cidr, (*vcn.cidr_blocks, *_of_peers(world, vcn)))
    vcn.cidr_blocks.append(cidr)
    world.touch(vcn)


def add_vcn_ipv6(world: World, vcn: Vcn, private: str | None = None) -> None:
    """Add an IPv6 prefix to a VCN: Oracle's /56, or a private one (AddIpv6VcnCidr)."""
    if len(vcn.ipv6_cidr_blocks) >= world.settings.limits.ipv6_prefixes_per_vcn:
        raise _too_many_prefixes(world)
    if private is not None:
        block = vcn_prefix(private, vcn.ipv6_cidr_blocks)
        vcn.ipv6_cidr_blocks.append(str(block))
    else:
        vcn.ipv6_cidr_blocks.append(_oracles_prefix(world))
    world.touch(vcn)


def _oracles_prefix(world: World) -> str:
    """Return Oracle's first /56 that no VCN has."""
    held = {b for v in world.all(Vcn) for b in v.ipv6_cidr_blocks}
    free = (b for b in GUA.subnets(new_prefix=VCN_V6_PREFIX) if str(b) not in held)
    return str(next(free))


def _too_many_prefixes(world: World) -> ServiceError:
    most = world.settings.limits.ipv6_prefixes_per_vcn
    return limit_exceeded(f"a VCN has at most {most} IPv6 prefixes")


def _of_peers(world: World, vcn: Vcn) -> list[str]:
    """Return the IPv4 blocks of the VCNs that are peered with a VCN."""
    gateways = [g for g in world.all(Gateway) if g.vcn_id == vcn.id and g.peer_id]
    peers = [world.get(Gateway, g.peer_id) for g in gateways]
    return [c for p in peers for c in world.get(Vcn, p.vcn_id).cidr_blocks]


def check_peers(world: World, one: Vcn, other: Vcn) -> None:
    """Raise 400 if two VCNs cannot be peered because their blocks overlap."""
    for cidr in one.cidr_blocks:
        check_apart(ip_network(cidr), other.cidr_blocks)


def remove_vcn_cidr(world: World, vcn: Vcn, cidr: str) -> None:
    """Remove a block of either IP family from a VCN (RemoveVcnCidr)."""
    for blocks in (vcn.cidr_blocks, vcn.ipv6_cidr_blocks):
        if cidr not in blocks:
            continue
        if any(
            ip_network(c).overlaps(ip_network(cidr))
            for s in subnets_of(world, vcn)
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
    others = [c for c in vcn.cidr_blocks if c != old]
    vcn_block(new, (*others, *_of_peers(world, vcn)))
    inside = [IPv4Network(c) for c in (*others, new)]
    for subnet in subnets_of(world, vcn):
        for cidr in subnet.cidr_blocks:
            if not any(IPv4Network(cidr).subnet_of(b) for b in inside):
                raise conflict(f"CIDR block {old}")
    vcn.cidr_blocks[vcn.cidr_blocks.index(old)] = new
    world.touch(vcn)


def subnets_of(world: World, vcn: Vcn) -> list[Subnet]:
    """Return a VCN's subnets."""
    return [s for s in world.all(Subnet) if s.vcn_id == vcn.id]


def _defaults(vcn: Vcn) -> set[str]:
    """Return the OCIDs of a VCN's default route table, security list and options."""
    return {
        vcn.default_route_table_id,
        vcn.default_security_list_id,
        vcn.default_dhcp_options_id,
    }


def check_no_default(
    world: World, resource: RouteTable | SecurityList | DhcpOptions
) -> None:
    """Raise 400 for a VCN's default: it is deleted only with its VCN."""
    if resource.id in _defaults(world.get(Vcn, resource.vcn_id)):
        raise invalid("a VCN's default goes with its VCN")


def delete_vcn(world: World, vcn: Vcn) -> None:
    """Delete a VCN that has no parts except its defaults (DeleteVcn)."""
    defaults = _defaults(vcn)
    for kind in (Subnet, Gateway, Nsg, RouteTable, SecurityList, DhcpOptions, Vtap):
        for resource in world.all(kind):
            if (
                getattr(resource, "vcn_id", "") == vcn.id
                and resource.id not in defaults
            ):
                raise conflict(f"VCN {vcn.id}")
    for default in defaults & world.objects.keys():
        world.drop(world.objects[default])
    world.drop(vcn)


def of_vcn(world: World, kind: type[T], ocid: str, vcn_id: str) -> T:
    """Return a part of a VCN.

    Raises:
        ServiceError: 404, no object of the kind has the OCID; 400, it is of another
            VCN.
    """
    resource = world.get(kind, ocid)
    if getattr(resource, "vcn_id", "") != vcn_id:
        raise invalid(f"{ocid} is of another VCN than {vcn_id}")
    return resource
