"""Which permissions an operation needs (docs/oci.md#permissions), and who has them.

Operations that are not listed need none here: the page that this follows is about
what a node does.
"""

import json
from typing import Any

from fakeoci.world.errors import not_found
from fakeoci.world.resources import Instance
from fakeoci.world.world import World

COMPARTMENT = "network"
"""The one compartment's name (see ``operations/tenancy``)."""

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
}


def authorize(world: World, principal: str, operation: str, body: bytes) -> None:
    """Raise 404 when a principal lacks a permission: OCI words it as not found."""
    who = _variables(world, principal)
    if who is None:
        return  # a user, an administrator here
    needed = PERMISSIONS.get(operation, ())
    if operation in ("AttachVnic", "UpdateVnic") and _names_nsgs(body):
        needed += _NSG
    places = (COMPARTMENT, world.compartment_id)
    if world.policies.lacking(needed, principal=who, compartments=places):
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
    try:
        parsed: Any = json.loads(body)
        return bool((parsed.get("createVnicDetails") or parsed).get("nsgIds"))
    except (ValueError, AttributeError, RecursionError):
        return False  # not a body that the operation takes: it will say so
