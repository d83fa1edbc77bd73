"""The permissions that an operation needs (docs/oci.md#permissions), and their check.

Operations that are not listed need none here: the source covers only the operations
of a node.
"""

from fakeoci.api.intake import parsed
from fakeoci.api.service import Call
from fakeoci.api.targets import Targets
from fakeoci.world.errors import not_found
from fakeoci.world.resources import CaptureFilter, Instance, Subnet, Vnic
from fakeoci.world.world import World

_NSG = (
    "NETWORK_SECURITY_GROUP_UPDATE_MEMBERS",
    "VNIC_ASSOCIATE_NETWORK_SECURITY_GROUP",
)
_PRIVATE_IP_CREATE = (
    "PRIVATE_IP_CREATE",
    "PRIVATE_IP_ASSIGN",
    "VNIC_ASSIGN",
    "SUBNET_ATTACH",
)
_PRIVATE_IP_DELETE = (
    "PRIVATE_IP_DELETE",
    "PRIVATE_IP_UNASSIGN",
    "VNIC_UNASSIGN",
    "SUBNET_DETACH",
)
_PRIVATE_IP_UPDATE = ("PRIVATE_IP_UPDATE", "VNIC_ASSIGN", "VNIC_UNASSIGN")
_IPV6_CREATE = ("IPV6_CREATE", "SUBNET_ATTACH", "VNIC_ASSIGN")
_IPV6_DELETE = ("IPV6_DELETE", "SUBNET_DETACH", "VNIC_UNASSIGN")

PERMISSIONS: dict[str, tuple[str, ...]] = {
    "AttachVnic": (
        "INSTANCE_ATTACH_SECONDARY_VNIC",
        "VNIC_ATTACH",
        "VNIC_CREATE",
        "SUBNET_ATTACH",
    ),
    "DetachVnic": (
        "INSTANCE_DETACH_SECONDARY_VNIC",
        "VNIC_DETACH",
        "VNIC_DELETE",
        "SUBNET_DETACH",
    ),
    "ListVnicAttachments": ("VNIC_ATTACHMENT_READ", "INSTANCE_INSPECT"),
    "GetVnicAttachment": ("VNIC_ATTACHMENT_READ",),
    "GetVnic": ("VNIC_READ",),
    "UpdateVnic": ("VNIC_UPDATE",),
    "GetSubnet": ("SUBNET_READ",),
    "ListSubnets": ("SUBNET_READ",),
    "GetVcn": ("VCN_READ",),
    "ListVcns": ("VCN_READ",),
    "GetSubnetCidrUtilization": ("IPAM_READ",),
    "GetSubnetIpInventory": ("IPAM_READ",),
    "GetRouteTable": ("ROUTE_TABLE_READ",),
    "ListRouteTables": ("ROUTE_TABLE_READ",),
    "GetSecurityList": ("SECURITY_LIST_READ",),
    "ListSecurityLists": ("SECURITY_LIST_READ",),
    "GetNetworkSecurityGroup": ("NETWORK_SECURITY_GROUP_READ",),
    "ListNetworkSecurityGroups": ("NETWORK_SECURITY_GROUP_READ",),
    "ListNetworkSecurityGroupSecurityRules": (
        "NETWORK_SECURITY_GROUP_LIST_SECURITY_RULES",
    ),
    "ListNetworkSecurityGroupVnics": ("NETWORK_SECURITY_GROUP_LIST_MEMBERS",),
    "ListPrivateIps": ("PRIVATE_IP_READ",),
    "GetPrivateIp": ("PRIVATE_IP_READ",),
    "CreatePrivateIp": _PRIVATE_IP_CREATE,
    "BulkCreatePrivateIps": _PRIVATE_IP_CREATE,
    "DeletePrivateIp": _PRIVATE_IP_DELETE,
    "BulkDeletePrivateIps": _PRIVATE_IP_DELETE,
    "UpdatePrivateIp": _PRIVATE_IP_UPDATE,
    "BulkUpdatePrivateIps": _PRIVATE_IP_UPDATE,
    "PrivateIpVnicDetach": ("PRIVATE_IP_UPDATE", "VNIC_UNASSIGN"),
    "BulkDetachPrivateIps": ("PRIVATE_IP_UPDATE", "VNIC_UNASSIGN"),
    "ListIpv6s": ("IPV6_READ",),
    "GetIpv6": ("IPV6_READ",),
    "CreateIpv6": _IPV6_CREATE,
    "BulkCreateIpv6s": _IPV6_CREATE,
    "DeleteIpv6": _IPV6_DELETE,
    "BulkDeleteIpv6s": _IPV6_DELETE,
    "LaunchInstance": ("INSTANCE_CREATE", "VNIC_CREATE", "SUBNET_ATTACH"),
    "TerminateInstance": ("INSTANCE_DELETE", "VNIC_DELETE", "SUBNET_DETACH"),
    "UpdateInstance": ("INSTANCE_UPDATE",),
    "InstanceAction": ("INSTANCE_POWER_ACTIONS",),
    "GetInstance": ("INSTANCE_READ",),
    "ListInstances": ("INSTANCE_INSPECT",),
    "ListCaptureFilters": ("CAPTURE_FILTER_LIST",),
    "GetCaptureFilter": ("CAPTURE_FILTER_READ",),
    "CreateCaptureFilter": ("CAPTURE_FILTER_CREATE", "VCN_ATTACH"),
    "UpdateCaptureFilter": ("CAPTURE_FILTER_UPDATE",),
    "DeleteCaptureFilter": ("CAPTURE_FILTER_DELETE", "VCN_DETACH"),
    "ListVtaps": ("VTAP_LIST",),
    "GetVtap": ("VTAP_READ",),
    "CreateVtap": ("VTAP_CREATE", "CAPTURE_FILTER_ATTACH", "VCN_ATTACH"),
    "UpdateVtap": ("VTAP_UPDATE",),
    "DeleteVtap": ("VTAP_DELETE", "CAPTURE_FILTER_DETACH", "VCN_DETACH"),
    "ChangeVcnCompartment": ("VCN_MOVE",),
    "ChangeSubnetCompartment": ("SUBNET_MOVE",),
    "ChangeDrgCompartment": ("DRG_MOVE",),
    "ChangeInstanceCompartment": ("INSTANCE_MOVE",),
    "ChangeRouteTableCompartment": ("ROUTE_TABLE_MOVE",),
    "ChangeSecurityListCompartment": ("SECURITY_LIST_MOVE",),
    "ChangeNetworkSecurityGroupCompartment": ("NETWORK_SECURITY_GROUP_MOVE",),
    "ChangeDhcpOptionsCompartment": ("DHCP_MOVE",),
    "ChangeInternetGatewayCompartment": ("INTERNET_GATEWAY_MOVE",),
    "ChangeNatGatewayCompartment": ("NAT_GATEWAY_MOVE",),
    "ChangeServiceGatewayCompartment": ("SERVICE_GATEWAY_MOVE",),
    "ChangeLocalPeeringGatewayCompartment": ("LOCAL_PEERING_GATEWAY_MOVE",),
}


ENDS = {
    "CreateVtap": ("sourceId", "targetId"),
    "UpdateVtap": ("sourceId", "captureFilterId"),
}
"""What a VTAP's body names: each needs the permission of its kind to attach it."""
ATTACHED = {Vnic: "VNIC", Subnet: "SUBNET", CaptureFilter: "CAPTURE_FILTER"}


def _of_ends(call: Call) -> tuple[str, ...]:
    """Return the permissions for what a VTAP's body names."""
    body = parsed(call.body)
    if call.operation not in ENDS or not isinstance(body, dict):
        return ()
    held = (call.world.objects.get(str(body.get(f))) for f in ENDS[call.operation])
    kinds = (ATTACHED.get(type(one)) for one in held)
    return tuple(dict.fromkeys(f"{kind}_ATTACH" for kind in kinds if kind))


def authorize(call: Call) -> None:
    """Raise 404 if a call's principal lacks a permission: OCI answers "not found"."""
    world, operation = call.world, call.operation
    who = _variables(world, call.principal)
    if who is None or not world.policies.statements:
        return  # users are administrators; without policies, so are all others
    needed = PERMISSIONS.get(operation, ())
    if operation in ("AttachVnic", "UpdateVnic") and _names_nsgs(call.body):
        needed += _NSG
    needed += _of_ends(call)
    targets = Targets(call)
    for permission in needed:
        for inside in targets.of(permission):
            covering = world.compartments.covering(inside)
            if not world.policies.grant(permission, who, compartments=covering):
                raise not_found()


def _variables(world: World, principal: str) -> dict[str, str] | None:
    instance = world.objects.get(principal)
    if isinstance(instance, Instance):
        return {
            "request.principal.type": "instance",
            "instance.id": instance.id,
            "instance.compartment.id": instance.compartment_id,
        }
    kind, *rest = principal.split("/")
    if kind == "workload":
        cluster, namespace, account = rest
        return {
            "request.principal.type": "workload",
            "request.principal.cluster_id": cluster,
            "request.principal.namespace": namespace,
            "request.principal.service_account": account,
        }
    if principal.startswith(("ocid1.user.", "anybody")) or "." not in principal:
        return None
    return {"request.principal.type": "resource", "resource.id": principal}


def _names_nsgs(body: bytes) -> bool:
    details = parsed(body)
    if isinstance(details, dict):
        details = details.get("createVnicDetails") or details
    return isinstance(details, dict) and bool(details.get("nsgIds"))
