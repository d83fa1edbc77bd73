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
    """Raise 404 if ``vnicId`` is no VNIC, not even one that was detached."""
    details, world = call.query.get("vnicId"), call.world
    if details and not any(a.vnic_id == details for a in world.all(VnicAttachment)):
        world.get(Vnic, details)


def new_vnic(details: CreateVnicDetails, name: str = "") -> vnics.NewVnic:
    """Return the new VNIC that CreateVnicDetails describes."""
    if details.vlan_id is not None:
        raise invalid("vlanId: this fake has no VLANs")
    if details.hostname_label and details.assign_private_dns_record is False:
        raise invalid(
            f"Hostname {details.hostname_label} is provided when AssignPrivateDnsRecord"
            " is false"
        )
    if details.subnet_id is None:
        raise missing("createVnicDetails.subnetId is required")
    pairs = details.ipv6_address_ipv6_subnet_cidr_pair_details
    if any(p.ipv6_id is not None for p in pairs):
        raise invalid("ipv6Id: this fake gives VNICs new IPv6s only")
    ipv6s = [(p.ipv6_subnet_cidr, p.ipv6_address) for p in pairs]
    if details.assign_ipv6_ip and not ipv6s:
        ipv6s = [(None, None)]
    return vnics.NewVnic(
        subnet_id=details.subnet_id,
        nsg_ids=details.nsg_ids,
        private_ip=details.private_ip,
        private_ip_id=details.private_ip_id,
        subnet_cidr=details.subnet_cidr,
        ipv6s=ipv6s,
        display_name=details.display_name or name,
        hostname_label=details.hostname_label or "",
        freeform_tags=dict(details.freeform_tags or {}),
        assign_public_ip=details.assign_public_ip,
        skip_source_dest_check=bool(details.skip_source_dest_check),
    )


def _attach_vnic(call: Call) -> Result:
    details = decode(call.body, AttachVnicDetails)
    attachment = vnics.attach(
        call.world,
        details.instance_id,
        new_vnic(details.create_vnic_details),
        display_name=details.display_name or "",
        nic_index=details.nic_index,
        now=call.now,
    )
    return one(call, attachment)


def _detach_vnic(call: Call) -> Result:
    vnics.detach(call.world, call.path["id"], call.if_match, call.now)
    return Result(status=204)


def _update_vnic(call: Call) -> Result:
    details = decode(call.body, UpdateVnicDetails)
    vnic = changing(call, Vnic)
    world, subnet = call.world, call.world.get(Subnet, vnic.subnet_id)
    if details.nsg_ids is not None:
        vnics.check_nsgs(world, details.nsg_ids, subnet.vcn_id)
    if details.route_table_id:
        of_vcn(world, RouteTable, details.route_table_id, subnet.vcn_id)
    if details.hostname_label is not None:
        # The VNIC and its primary private IP have the same hostname.
        primary = world.private_ips_of(vnic.id)[0]
        ips.check_hostname(world, subnet.id, details.hostname_label, primary)
        primary.hostname_label = details.hostname_label
        world.touch(primary)
    for name in ("nsg_ids", "skip_source_dest_check", "hostname_label"):
        if getattr(details, name) is not None:
            setattr(vnic, name, getattr(details, name))
    if details.route_table_id is not None:
        vnic.route_table_id = details.route_table_id
    rename(vnic, details)
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
