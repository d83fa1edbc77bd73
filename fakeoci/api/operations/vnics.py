"""Operations on VNICs and their attachments."""

from fakeoci.api.answers import listed, one
from fakeoci.api.crud import changing, getter, rename
from fakeoci.api.details.base import decode
from fakeoci.api.details.vnics import (
    AttachVnicDetails,
    CreateVnicDetails,
    UpdateVnicDetails,
)
from fakeoci.api.query import check_domain, check_known, compartment, matching
from fakeoci.api.service import Call, Operation, Result
from fakeoci.world import ips, vnics
from fakeoci.world.errors import invalid, missing
from fakeoci.world.networks import of_vcn
from fakeoci.world.resources import Instance, RouteTable, Subnet, Vnic, VnicAttachment


def _list_attachments(call: Call) -> Result:
    compartment(call)
    check_domain(call, call.query.get("availabilityDomain"))
    check_known(call, instanceId=Instance)
    _check_vnic(call)
    found = matching(
        call,
        call.world.all(VnicAttachment),
        compartmentId="compartment_id",
        instanceId="instance_id",
        vnicId="vnic_id",
    )
    return listed(call, found)


def _check_vnic(call: Call) -> None:
    """Raise 404 when ``vnicId`` neither is a VNIC nor was one that was detached."""
    said, world = call.query.get("vnicId"), call.world
    if said and not any(a.vnic_id == said for a in world.all(VnicAttachment)):
        world.get(Vnic, said)


def new_vnic(said: CreateVnicDetails, name: str = "") -> vnics.NewVnic:
    """Return what a VNIC shall be, as CreateVnicDetails says it."""
    if said.vlan_id is not None:
        raise invalid("vlanId: this fake has no VLANs")
    if said.hostname_label and said.assign_private_dns_record is False:
        raise invalid(
            f"Hostname {said.hostname_label} is provided when AssignPrivateDnsRecord"
            " is false"
        )
    if said.subnet_id is None:
        raise missing("createVnicDetails.subnetId is required")
    pairs = said.ipv6_address_ipv6_subnet_cidr_pair_details
    if any(p.ipv6_id is not None for p in pairs):
        raise invalid("ipv6Id: this fake gives VNICs new IPv6s only")
    ipv6s = [(p.ipv6_subnet_cidr, p.ipv6_address) for p in pairs]
    if said.assign_ipv6_ip and not ipv6s:
        ipv6s = [(None, None)]
    return vnics.NewVnic(
        subnet_id=said.subnet_id,
        nsg_ids=said.nsg_ids,
        private_ip=said.private_ip,
        private_ip_id=said.private_ip_id,
        subnet_cidr=said.subnet_cidr,
        ipv6s=ipv6s,
        display_name=said.display_name or name,
        hostname_label=said.hostname_label or "",
        freeform_tags=dict(said.freeform_tags or {}),
        assign_public_ip=said.assign_public_ip,
        skip_source_dest_check=bool(said.skip_source_dest_check),
    )


def _attach_vnic(call: Call) -> Result:
    said = decode(call.body, AttachVnicDetails)
    attachment = vnics.attach(
        call.world,
        said.instance_id,
        new_vnic(said.create_vnic_details),
        display_name=said.display_name or "",
        nic_index=said.nic_index,
        now=call.now,
    )
    return one(call, attachment)


def _detach_vnic(call: Call) -> Result:
    vnics.detach(call.world, call.path["id"], call.if_match, call.now)
    return Result(status=204)


def _update_vnic(call: Call) -> Result:
    said = decode(call.body, UpdateVnicDetails)
    vnic = changing(call, Vnic)
    world, subnet = call.world, call.world.get(Subnet, vnic.subnet_id)
    if said.nsg_ids is not None:
        vnics.check_nsgs(world, said.nsg_ids, subnet.vcn_id)
    if said.route_table_id:
        of_vcn(world, RouteTable, said.route_table_id, subnet.vcn_id)
    if said.hostname_label is not None:
        # The VNIC's hostname is its primary private IP's: both have it.
        primary = world.private_ips_of(vnic.id)[0]
        ips.check_hostname(world, subnet.id, said.hostname_label, primary)
        primary.hostname_label = said.hostname_label
        world.touch(primary)
    for name in ("nsg_ids", "skip_source_dest_check", "hostname_label"):
        if getattr(said, name) is not None:
            setattr(vnic, name, getattr(said, name))
    if said.route_table_id is not None:
        vnic.route_table_id = said.route_table_id
    rename(vnic, said)
    call.world.touch(vnic)
    return one(call, vnic)


_ATTACHMENTS = "/vnicAttachments"
OPERATIONS: tuple[Operation, ...] = (
    Operation("ListVnicAttachments", "GET", _ATTACHMENTS, _list_attachments),
    Operation("AttachVnic", "POST", _ATTACHMENTS, _attach_vnic),
    Operation(
        "GetVnicAttachment", "GET", f"{_ATTACHMENTS}/{{id}}", getter(VnicAttachment)
    ),
    Operation("DetachVnic", "DELETE", f"{_ATTACHMENTS}/{{id}}", _detach_vnic),
    Operation("GetVnic", "GET", "/vnics/{id}", getter(Vnic)),
    Operation("UpdateVnic", "PUT", "/vnics/{id}", _update_vnic),
)
