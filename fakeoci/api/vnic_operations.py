"""Operations on VNICs and their attachments."""

from fakeoci.api import details
from fakeoci.api.listing import checked_tags, listed, matching, need, one
from fakeoci.api.service import Call, Result
from fakeoci.world import vnics
from fakeoci.world.nouns import Subnet, Vnic, VnicAttachment


def list_attachments(call: Call) -> Result:
    """ListVnicAttachments."""
    need(call, "compartmentId")
    found = matching(
        call,
        call.world.all(VnicAttachment),
        compartmentId="compartment_id",
        instanceId="instance_id",
        vnicId="vnic_id",
    )
    return listed(call, found)


def attach_vnic(call: Call) -> Result:
    """AttachVnic."""
    said = details.decode(call.body, details.AttachVnicDetails)
    new = said.create_vnic_details
    attachment = vnics.attach(
        call.world,
        said.instance_id,
        vnics.NewVnic(
            subnet_id=new.subnet_id,
            nsg_ids=new.nsg_ids,
            private_ip=new.private_ip,
            display_name=new.display_name or "",
            freeform_tags=checked_tags(new.freeform_tags),
            assign_public_ip=new.assign_public_ip,
            skip_source_dest_check=bool(new.skip_source_dest_check),
        ),
        display_name=said.display_name or "",
        nic_index=said.nic_index,
        now=call.now,
    )
    return one(call, attachment)


def detach_vnic(call: Call) -> Result:
    """DetachVnic."""
    vnics.detach(call.world, call.path["id"], call.if_match, call.now)
    return Result(status=204)


def update_vnic(call: Call) -> Result:
    """UpdateVnic."""
    said = details.decode(call.body, details.UpdateVnicDetails)
    vnic = call.world.get(Vnic, call.path["id"])
    call.world.match(vnic, call.if_match)
    if said.nsg_ids is not None:
        vcn_id = call.world.get(Subnet, vnic.subnet_id).vcn_id
        vnics.check_nsgs(call.world, said.nsg_ids, vcn_id)
        vnic.nsg_ids = said.nsg_ids
    if said.skip_source_dest_check is not None:
        vnic.skip_source_dest_check = said.skip_source_dest_check
    if said.display_name is not None:
        vnic.display_name = said.display_name
    if said.freeform_tags is not None:
        vnic.freeform_tags = checked_tags(said.freeform_tags)
    call.world.touch(vnic)
    return one(call, vnic)
