"""Every operation: name, method, path, and what it does (facts/oci.md §4.2)."""

from collections.abc import Callable
from dataclasses import dataclass

from fakeoci.api.bodies import time_text
from fakeoci.api.listing import getter, lister, page
from fakeoci.api.nsg_operations import (
    add_nsg_rules,
    nsg_rules,
    nsg_vnics,
    remove_nsg_rules,
)
from fakeoci.api.private_ip_operations import (
    bulk_create,
    bulk_delete,
    create_private_ip,
    delete_private_ip,
    list_private_ips,
    update_private_ip,
)
from fakeoci.api.service import Call, Result
from fakeoci.api.vnic_operations import (
    attach_vnic,
    detach_vnic,
    list_attachments,
    update_vnic,
)
from fakeoci.world import vnics
from fakeoci.world.nouns import (
    Gateway,
    Instance,
    Nsg,
    PrivateIp,
    RouteTable,
    SecurityList,
    Subnet,
    Vcn,
    Vnic,
    VnicAttachment,
    WorkRequest,
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API."""

    name: str
    method: str
    path: str
    run: Callable[[Call], Result]


def _work_request_errors(call: Call) -> Result:
    request = call.world.get(WorkRequest, call.path["id"])
    return page(
        call,
        [
            {"code": code, "message": text, "timestamp": time_text(at)}
            for code, text, at in request.errors
        ],
    )


def _terminate_instance(call: Call) -> Result:
    instance = call.world.get(Instance, call.path["id"])
    call.world.match(instance, call.if_match)
    vnics.terminate(call.world, instance.id)
    return Result(status=204)


OPERATIONS: tuple[Operation, ...] = (
    Operation("ListVnicAttachments", "GET", "/vnicAttachments", list_attachments),
    Operation("AttachVnic", "POST", "/vnicAttachments", attach_vnic),
    Operation(
        "GetVnicAttachment", "GET", "/vnicAttachments/{id}", getter(VnicAttachment)
    ),
    Operation("DetachVnic", "DELETE", "/vnicAttachments/{id}", detach_vnic),
    Operation("GetVnic", "GET", "/vnics/{id}", getter(Vnic)),
    Operation("UpdateVnic", "PUT", "/vnics/{id}", update_vnic),
    Operation("ListPrivateIps", "GET", "/privateIps", list_private_ips),
    Operation("CreatePrivateIp", "POST", "/privateIps", create_private_ip),
    Operation(
        "BulkCreatePrivateIps",
        "POST",
        "/privateIps/actions/bulkCreatePrivateIps",
        bulk_create,
    ),
    Operation(
        "BulkDeletePrivateIps",
        "POST",
        "/privateIps/actions/bulkDeletePrivateIps",
        bulk_delete,
    ),
    Operation("GetPrivateIp", "GET", "/privateIps/{id}", getter(PrivateIp)),
    Operation("UpdatePrivateIp", "PUT", "/privateIps/{id}", update_private_ip),
    Operation("DeletePrivateIp", "DELETE", "/privateIps/{id}", delete_private_ip),
    Operation("ListVcns", "GET", "/vcns", lister(Vcn)),
    Operation("GetVcn", "GET", "/vcns/{id}", getter(Vcn)),
    Operation("ListSubnets", "GET", "/subnets", lister(Subnet)),
    Operation("GetSubnet", "GET", "/subnets/{id}", getter(Subnet)),
    Operation("ListRouteTables", "GET", "/routeTables", lister(RouteTable)),
    Operation("GetRouteTable", "GET", "/routeTables/{id}", getter(RouteTable)),
    Operation("ListSecurityLists", "GET", "/securityLists", lister(SecurityList)),
    Operation("GetSecurityList", "GET", "/securityLists/{id}", getter(SecurityList)),
    Operation(
        "ListNetworkSecurityGroups", "GET", "/networkSecurityGroups", lister(Nsg)
    ),
    Operation(
        "GetNetworkSecurityGroup", "GET", "/networkSecurityGroups/{id}", getter(Nsg)
    ),
    Operation(
        "ListNetworkSecurityGroupSecurityRules",
        "GET",
        "/networkSecurityGroups/{id}/securityRules",
        nsg_rules,
    ),
    Operation(
        "ListNetworkSecurityGroupVnics",
        "GET",
        "/networkSecurityGroups/{id}/vnics",
        nsg_vnics,
    ),
    Operation(
        "AddNetworkSecurityGroupSecurityRules",
        "POST",
        "/networkSecurityGroups/{id}/actions/addSecurityRules",
        add_nsg_rules,
    ),
    Operation(
        "RemoveNetworkSecurityGroupSecurityRules",
        "POST",
        "/networkSecurityGroups/{id}/actions/removeSecurityRules",
        remove_nsg_rules,
    ),
    Operation("ListNatGateways", "GET", "/natGateways", lister(Gateway)),
    Operation("GetInstance", "GET", "/instances/{id}", getter(Instance)),
    Operation("TerminateInstance", "DELETE", "/instances/{id}", _terminate_instance),
    Operation("GetWorkRequest", "GET", "/workRequests/{id}", getter(WorkRequest)),
    Operation(
        "ListWorkRequestErrors",
        "GET",
        "/workRequests/{id}/errors",
        _work_request_errors,
    ),
)
