"""Operations on VCNs and subnets."""

from collections.abc import Callable

from fakeoci.api.answers import one, work_started
from fakeoci.api.crud import changing, deleter, getter, lister, names, rename
from fakeoci.api.details.base import decode
from fakeoci.api.details.networks import (
    AddVcnIpv6CidrDetails,
    CidrDetails,
    CreateSubnetDetails,
    CreateVcnDetails,
    Ipv4CidrDetails,
    Ipv6CidrDetails,
    ModifyIpv4SubnetCidrDetails,
    ModifyVcnCidrDetails,
    UpdateSubnetDetails,
    UpdateVcnDetails,
)
from fakeoci.api.query import check_domain
from fakeoci.api.service import Call, Operation, Result
from fakeoci.world import networks, subnets, work
from fakeoci.world.errors import invalid
from fakeoci.world.resources import Subnet, Vcn
from fakeoci.world.subnets import NewSubnet
from fakeoci.world.world import World

# VCNs


def _create_vcn(call: Call) -> Result:
    details = decode(call.body, CreateVcnDetails)
    if details.byoipv6_cidr_details:
        raise invalid("byoipv6CidrDetails: this fake has no BYOIPv6 ranges")
    if details.cidr_block is not None and details.cidr_blocks:
        raise invalid("cidrBlock and cidrBlocks exclude each other")
    cidrs = [details.cidr_block] if details.cidr_block else details.cidr_blocks or []
    gua = details.is_oracle_gua_allocation_enabled is not False
    new = names(call, "vcn", details)
    vcn = networks.create_vcn(
        call.world,
        compartment_id=call.world.compartment(details.compartment_id),
        cidr_blocks=cidrs,
        display_name=new["display_name"],
        dns_label=details.dns_label or "",
        freeform_tags=new["freeform_tags"],
        with_ipv6=bool(details.is_ipv6_enabled) and gua,
        ipv6_private=details.ipv6_private_cidr_blocks,
        now=call.now,
    )
    return one(call, vcn)


def _update_vcn(call: Call) -> Result:
    vcn = changing(call, Vcn)
    rename(vcn, decode(call.body, UpdateVcnDetails))
    call.world.touch(vcn)
    return one(call, vcn)


def _add_vcn_cidr(call: Call) -> Result:
    details = decode(call.body, CidrDetails)
    return _vcn_work(
        call,
        "ADD_VCN_CIDR",
        lambda v: networks.add_vcn_cidr(call.world, v, details.cidr_block),
    )


def _remove_vcn_cidr(call: Call) -> Result:
    details = decode(call.body, CidrDetails)
    return _vcn_work(
        call,
        "REMOVE_VCN_CIDR",
        lambda v: networks.remove_vcn_cidr(call.world, v, details.cidr_block),
    )


def _modify_vcn_cidr(call: Call) -> Result:
    details = decode(call.body, ModifyVcnCidrDetails)
    old, new = details.original_cidr_block, details.new_cidr_block
    return _vcn_work(
        call,
        "UPDATE_VCN_CIDR",
        lambda v: networks.modify_vcn_cidr(call.world, v, old, new),
    )


def _add_ipv6_vcn_cidr(call: Call) -> Result:
    details = AddVcnIpv6CidrDetails()
    if call.body:
        details = decode(call.body, AddVcnIpv6CidrDetails)
    if details.byoipv6_cidr_detail is not None:
        raise invalid("byoipv6CidrDetail: this fake has no BYOIPv6 ranges")
    private = details.ipv6_private_cidr_block
    return _vcn_work(
        call,
        "ADD_IPV6_VCN_CIDR",
        lambda v: networks.add_vcn_ipv6(call.world, v, private),
    )


def _remove_ipv6_vcn_cidr(call: Call) -> Result:
    details = decode(call.body, Ipv6CidrDetails)
    return _vcn_work(
        call,
        "REMOVE_IPV6_VCN_CIDR",
        lambda v: networks.remove_vcn_cidr(call.world, v, details.ipv6_cidr_block),
    )


def _vcn_work(call: Call, name: str, change: Callable[[Vcn], None]) -> Result:
    vcn = changing(call, Vcn)
    change(vcn)
    return done(call, vcn, name)


# Subnets


def _create_subnet(call: Call) -> Result:
    details = decode(call.body, CreateSubnetDetails)
    check_domain(call, details.availability_domain)
    new = names(call, "subnet", details)
    private = details.prohibit_public_ip_on_vnic or details.prohibit_internet_ingress
    subnet = subnets.create_subnet(
        call.world,
        NewSubnet(
            vcn_id=details.vcn_id,
            cidr_blocks=_either(details.cidr_block, details.ipv4_cidr_blocks),
            ipv6_cidr_blocks=_either(details.ipv6_cidr_block, details.ipv6_cidr_blocks),
            route_table_id=details.route_table_id,
            security_list_ids=details.security_list_ids,
            dhcp_options_id=details.dhcp_options_id,
            prohibit_public_ip=bool(private),
            display_name=new["display_name"],
            dns_label=details.dns_label or "",
            freeform_tags=new["freeform_tags"],
        ),
        compartment_id=call.world.compartment(details.compartment_id),
        now=call.now,
    )
    return one(call, subnet)


def _either(single: str | None, several: list[str] | None) -> list[str]:
    if single is None:
        return several or []
    if several and single not in several:
        raise invalid(f"{single} is not among {', '.join(several)}")
    return several or [single]


def _update_subnet(call: Call) -> Result:
    details = decode(call.body, UpdateSubnetDetails)
    world, subnet = call.world, changing(call, Subnet)
    subnets.check_parts(
        world,
        world.get(Vcn, subnet.vcn_id),
        routes=details.route_table_id,
        lists=details.security_list_ids,
        dhcp=details.dhcp_options_id,
    )
    if details.ipv6_cidr_block is not None or details.ipv6_cidr_blocks is not None:
        raise invalid("IPv6 prefixes are changed by AddIpv6SubnetCidr and its like")
    if details.cidr_block is not None:
        old = subnet.cidr_blocks[0]
        subnets.modify_subnet_cidr(world, subnet, old, details.cidr_block)
    for name in ("route_table_id", "security_list_ids", "dhcp_options_id"):
        if getattr(details, name) is not None:
            setattr(subnet, name, getattr(details, name))
    rename(subnet, details)
    world.touch(subnet)
    return one(call, subnet)


def _cidr_changer(
    name: str, change: Callable[[World, Subnet, str, int], None], version: int
) -> Callable[[Call], Result]:
    """Return the operation that adds a CIDR block to a subnet, or removes it."""

    def run(call: Call) -> Result:
        if version == 4:  # noqa: PLR2004
            cidr = decode(call.body, Ipv4CidrDetails).ipv4_cidr_block
        else:
            cidr = decode(call.body, Ipv6CidrDetails).ipv6_cidr_block
        subnet = changing(call, Subnet)
        change(call.world, subnet, cidr, version)
        return done(call, subnet, name)

    return run


_add_ipv4_cidr, _add_ipv6_cidr = (
    _cidr_changer(f"ADD_IPV{v}_SUBNET_CIDR", subnets.add_subnet_cidr, v) for v in (4, 6)
)
_remove_ipv4_cidr, _remove_ipv6_cidr = (
    _cidr_changer(f"REMOVE_IPV{v}_SUBNET_CIDR", subnets.remove_subnet_cidr, v)
    for v in (4, 6)
)


def _modify_ipv4_cidr(call: Call) -> Result:
    details = decode(call.body, ModifyIpv4SubnetCidrDetails)
    subnet = changing(call, Subnet)
    subnets.modify_subnet_cidr(
        call.world, subnet, details.ipv4_cidr_block, details.updated_ipv4_cidr_block
    )
    return done(call, subnet, "MODIFY_IPV4_SUBNET_CIDR")


def done(call: Call, resource: Vcn | Subnet, operation: str) -> Result:
    """Return the answer to a change made at once, whose work request ends later."""
    due = call.now + call.world.settings.timing.bulk_seconds
    return work_started(
        work.note(call.world, resource, operation, "UPDATED", now=call.now, due=due)
    )


_VCN, _SUBNET = "/vcns/{id}", "/subnets/{id}"
OPERATIONS: tuple[Operation, ...] = (
    Operation("ListVcns", "GET", "/vcns", lister(Vcn)),
    Operation("CreateVcn", "POST", "/vcns", _create_vcn),
    Operation("GetVcn", "GET", _VCN, getter(Vcn)),
    Operation("UpdateVcn", "PUT", _VCN, _update_vcn),
    Operation("DeleteVcn", "DELETE", _VCN, deleter(Vcn, networks.delete_vcn)),
    Operation("AddVcnCidr", "POST", f"{_VCN}/actions/addCidr", _add_vcn_cidr),
    Operation("ModifyVcnCidr", "POST", f"{_VCN}/actions/modifyCidr", _modify_vcn_cidr),
    Operation("RemoveVcnCidr", "POST", f"{_VCN}/actions/removeCidr", _remove_vcn_cidr),
    Operation(
        "AddIpv6VcnCidr", "POST", f"{_VCN}/actions/addIpv6Cidr", _add_ipv6_vcn_cidr
    ),
    Operation(
        "RemoveIpv6VcnCidr",
        "POST",
        f"{_VCN}/actions/removeIpv6Cidr",
        _remove_ipv6_vcn_cidr,
    ),
    Operation("ListSubnets", "GET", "/subnets", lister(Subnet)),
    Operation("CreateSubnet", "POST", "/subnets", _create_subnet),
    Operation("GetSubnet", "GET", _SUBNET, getter(Subnet)),
    Operation("UpdateSubnet", "PUT", _SUBNET, _update_subnet),
    Operation(
        "DeleteSubnet", "DELETE", _SUBNET, deleter(Subnet, subnets.delete_subnet)
    ),
    Operation(
        "AddIpv4SubnetCidr", "POST", f"{_SUBNET}/actions/addIpv4Cidr", _add_ipv4_cidr
    ),
    Operation(
        "ModifyIpv4SubnetCidr",
        "POST",
        f"{_SUBNET}/actions/modifyIpv4Cidr",
        _modify_ipv4_cidr,
    ),
    Operation(
        "RemoveIpv4SubnetCidr",
        "POST",
        f"{_SUBNET}/actions/removeIpv4Cidr",
        _remove_ipv4_cidr,
    ),
    Operation(
        "AddIpv6SubnetCidr", "POST", f"{_SUBNET}/actions/addIpv6Cidr", _add_ipv6_cidr
    ),
    Operation(
        "RemoveIpv6SubnetCidr",
        "POST",
        f"{_SUBNET}/actions/removeIpv6Cidr",
        _remove_ipv6_cidr,
    ),
)
