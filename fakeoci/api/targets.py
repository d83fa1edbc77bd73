"""The compartments in which a request needs its permissions.

A permission is needed in the compartment of the object of its kind.  If the request
creates the object, it is the future compartment: a new VNIC, private IP or IPv6 is in
its subnet's.  A list needs its permissions in the requested compartment, a move in the
old and the new one ("To move resources, you must have the appropriate permissions to
move the resource in both the source and target compartments": BulkMoveResources in the
API reference).
"""

from collections.abc import Iterator
from typing import Any

from fakeoci.api.intake import parsed
from fakeoci.api.service import Call
from fakeoci.world.resources import (
    CaptureFilter,
    Instance,
    Ipv6,
    Nsg,
    PrivateIp,
    Resource,
    RouteTable,
    SecurityList,
    Subnet,
    Vcn,
    Vnic,
    VnicAttachment,
    Vtap,
)
from fakeoci.world.world import World

KINDS: tuple[tuple[str, type[Resource]], ...] = (
    ("VNIC_ATTACHMENT_", VnicAttachment),
    ("VNIC_", Vnic),
    ("INSTANCE_", Instance),
    ("SUBNET_", Subnet),
    ("PRIVATE_IP_", PrivateIp),
    ("IPV6_", Ipv6),
    ("NETWORK_SECURITY_GROUP_", Nsg),
    ("ROUTE_TABLE_", RouteTable),
    ("SECURITY_LIST_", SecurityList),
    ("VCN_", Vcn),
    ("IPAM_", Subnet),
    ("CAPTURE_FILTER_", CaptureFilter),
    ("VTAP_", Vtap),
)
"""Prefixes of permissions, longer ones first, and the kinds of their objects."""
IN_SUBNET = (Vnic, PrivateIp, Ipv6)
UNREAD = ("freeformTags", "definedTags", "metadata", "extendedMetadata")
"""Fields of bodies with the caller's own content: an OCID there is no target."""


class Targets:
    """The objects that a request names, and its compartment if it names one."""

    def __init__(self, call: Call) -> None:
        self._call, self._world = call, call.world
        body = parsed(call.body)
        asked = call.query.get("compartmentId")
        if isinstance(body, dict):
            asked = body.get("compartmentId", asked)
        self._asked = asked if isinstance(asked, str) else None
        named = [*call.path.values(), *call.query.values(), *_texts(body)]
        held = (self._world.objects.get(ocid) for ocid in named)
        self._resources = [
            n for resource in held if resource for n in _with(self._world, resource)
        ]
        if call.operation == "TerminateInstance":
            for instance in list(self._resources):
                for vnic in self._world.vnics_of(instance.id):
                    self._resources += _with(self._world, vnic)

    def of(self, permission: str) -> set[str]:
        """Return the OCIDs of the compartments in which a permission is needed."""
        if permission.endswith("_MOVE"):
            moved = self._world.objects.get(self._call.path["id"])
            places = (moved and moved.compartment_id, self._asked)
            return {place for place in places if place}
        if self._asked is not None and self._call.operation.startswith("List"):
            return {self._asked}
        kind = next(k for prefix, k in KINDS if permission.startswith(prefix))
        kinds = (kind, Subnet) if kind in IN_SUBNET else (kind,)
        for one in kinds:
            found = {n.compartment_id for n in self._resources if isinstance(n, one)}
            if found:
                return found
        return {self._asked or self._world.compartment_id}


def _texts(body: Any) -> Iterator[str]:
    """Return every text of a body, at any depth."""
    left = [body]
    while left:
        value = left.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            left += value
        elif isinstance(value, dict):
            left += [one for name, one in value.items() if name not in UNREAD]


def _with(world: World, resource: Resource) -> Iterator[Resource]:
    """Return an object, and its subnet, VNIC and instance if it has them."""
    yield resource
    for name in ("subnet_id", "vnic_id", "instance_id"):
        other = world.objects.get(getattr(resource, name, None) or "")
        if other is not None:
            yield other
