"""Operations on dynamic routing gateways and their attachments.

The world file names the network behind a DRG; a DRG that the API creates leads nowhere.
"""

from fakeoci.api.answers import SORTS, listed, one
from fakeoci.api.crud import changing, deleter, getter, names, rename
from fakeoci.api.details.base import decode
from fakeoci.api.details.drgs import (
    CreateDrgAttachmentDetails,
    CreateDrgDetails,
    UpdateDrgAttachmentDetails,
)
from fakeoci.api.operations.gateways import (
    delete_gateway,
    gateway_deleter,
    gateway_getter,
    gateway_lister,
    gateway_renamer,
    of_kind,
)
from fakeoci.api.query import check_known, compartment, in_state, matching
from fakeoci.api.service import Call, Operation, Result
from fakeoci.world.errors import conflict, invalid, limit_exceeded
from fakeoci.world.resources import DrgAttachment, Gateway, Vcn
from fakeoci.world.world import World


def _create_drg(call: Call) -> Result:
    details = decode(call.body, CreateDrgDetails)
    drg = Gateway(
        kind="drg",
        vcn_id="",
        compartment_id=call.world.compartment(details.compartment_id),
        **names(call, "drg", details),
    )
    return one(call, call.world.add(drg))


def _attach_drg(call: Call) -> Result:
    details = decode(call.body, CreateDrgAttachmentDetails)
    network = details.network_details
    if network is not None and network.type != "VCN":
        raise invalid(f"networkDetails.type {network.type!r}: this fake has VCNs only")
    vcn_id = network.id if network is not None else details.vcn_id or ""
    vcn = call.world.get(Vcn, vcn_id)
    drg = of_kind(call.world.get(Gateway, details.drg_id), "drg")
    if drg.vcn_id:
        raise limit_exceeded("this fake attaches a DRG to one VCN")
    drg.vcn_id = vcn.id
    call.world.touch(drg)
    made = DrgAttachment(
        drg_id=drg.id,
        vcn_id=vcn.id,
        compartment_id=vcn.compartment_id,
        **names(call, "drgattachment", details),
    )
    return one(call, call.world.add(made))


def _rename_attachment(call: Call) -> Result:
    details = decode(call.body, UpdateDrgAttachmentDetails)
    attachment = changing(call, DrgAttachment)
    rename(attachment, details)
    call.world.touch(attachment)
    return one(call, attachment)


def _detach_drg(world: World, attachment: DrgAttachment) -> None:
    drg = world.get(Gateway, attachment.drg_id)
    drg.vcn_id = ""
    world.touch(drg)
    world.drop(attachment)


def _delete_drg(world: World, drg: Gateway) -> None:
    if drg.vcn_id:
        raise conflict(f"DRG {drg.id}, by its attachment")
    delete_gateway(world, drg)


def _list_drg_attachments(call: Call) -> Result:
    compartment(call)
    check_known(call, vcnId=Vcn, drgId=Gateway)
    found = matching(
        call,
        call.world.all(DrgAttachment),
        compartmentId="compartment_id",
        vcnId="vcn_id",
        drgId="drg_id",
        displayName="display_name",
    )
    return listed(call, in_state(call, DrgAttachment, found), SORTS)


_DRG = "/drgAttachments"
OPERATIONS: tuple[Operation, ...] = (
    Operation("ListDrgs", "GET", "/drgs", gateway_lister("drg")),
    Operation("CreateDrg", "POST", "/drgs", _create_drg),
    Operation("GetDrg", "GET", "/drgs/{id}", gateway_getter("drg")),
    Operation("UpdateDrg", "PUT", "/drgs/{id}", gateway_renamer("drg")),
    Operation("DeleteDrg", "DELETE", "/drgs/{id}", gateway_deleter("drg", _delete_drg)),
    Operation("ListDrgAttachments", "GET", _DRG, _list_drg_attachments),
    Operation("CreateDrgAttachment", "POST", _DRG, _attach_drg),
    Operation("GetDrgAttachment", "GET", f"{_DRG}/{{id}}", getter(DrgAttachment)),
    Operation("UpdateDrgAttachment", "PUT", f"{_DRG}/{{id}}", _rename_attachment),
    Operation(
        "DeleteDrgAttachment",
        "DELETE",
        f"{_DRG}/{{id}}",
        deleter(DrgAttachment, _detach_drg),
    ),
)
