"""Change…Compartment, which Terraform calls if a resource's compartment changes.

A move of a VCN, a subnet, a DRG or an instance is answered 202 with a work request: for
these, Oracle's SDKs know its header.  The other moves are answered 204: the reference
of the same API for Private Cloud Appliance has 204 for route tables and DHCP options.
In either case the object itself moves at once.
"""

from collections.abc import Callable

from fakeoci.api.crud import changing
from fakeoci.api.details.base import decode
from fakeoci.api.details.moves import ChangeCompartmentDetails
from fakeoci.api.operations.gateways import of_kind
from fakeoci.api.service import Call, Operation, Result
from fakeoci.world import moves, work
from fakeoci.world.resources import (
    CaptureFilter,
    DhcpOptions,
    Gateway,
    Instance,
    Nsg,
    Resource,
    RouteTable,
    SecurityList,
    Subnet,
    Vcn,
    Vtap,
    WorkRequest,
)


def _moved(call: Call, kind: type[Resource], gateway: str) -> Resource:
    """Move the object of a call; return it."""
    details = decode(call.body, ChangeCompartmentDetails)
    resource = changing(call, kind)
    if isinstance(resource, Gateway):
        of_kind(resource, gateway)
    moves.move(call.world, resource, call.world.compartment(details.compartment_id))
    return resource


def _mover(kind: type[Resource], gateway: str = "") -> Callable[[Call], Result]:
    """Return the operation that moves an object of a kind."""

    def run(call: Call) -> Result:
        resource = _moved(call, kind, gateway)
        return Result(status=204, headers={"etag": resource.etag})

    return run


def _slow_mover(
    kind: type[Resource], entity: str, gateway: str = ""
) -> Callable[[Call], Result]:
    """Return the operation that moves an object, and later the resources with it.

    Args:
        kind: the object's kind.
        entity: the entity type in its work request.
        gateway: the gateway's kind, if it is one.
    """

    def run(call: Call) -> Result:
        world, resource = call.world, _moved(call, kind, gateway)

        def effect(request: WorkRequest, _at: float) -> None:
            with_vnics = world.settings.behaviour.vnics_follow_subnet
            if isinstance(resource, Vcn) or (
                isinstance(resource, Subnet) and with_vnics
            ):
                moves.follow(world, resource)
            request.resources.append((entity, "UPDATED", resource.id))

        request = work.start(
            world,
            resource.compartment_id,
            f"CHANGE_{entity.upper()}_COMPARTMENT",
            effect,
            now=call.now,
            due=call.now + world.settings.timing.bulk_seconds,
        )
        headers = {"etag": resource.etag, "opc-work-request-id": request.id}
        return Result(status=202, headers=headers)

    return run


_MOVES: tuple[tuple[str, str, Callable[[Call], Result]], ...] = (
    ("Vcn", "vcns", _slow_mover(Vcn, "vcn")),
    ("Subnet", "subnets", _slow_mover(Subnet, "subnet")),
    ("Drg", "drgs", _slow_mover(Gateway, "drg", "drg")),
    ("Instance", "instances", _slow_mover(Instance, "instance")),
    ("RouteTable", "routeTables", _mover(RouteTable)),
    ("SecurityList", "securityLists", _mover(SecurityList)),
    ("NetworkSecurityGroup", "networkSecurityGroups", _mover(Nsg)),
    ("DhcpOptions", "dhcps", _mover(DhcpOptions)),
    ("InternetGateway", "internetGateways", _mover(Gateway, "internet")),
    ("NatGateway", "natGateways", _mover(Gateway, "nat")),
    ("ServiceGateway", "serviceGateways", _mover(Gateway, "service")),
    ("CaptureFilter", "captureFilters", _mover(CaptureFilter)),
    ("Vtap", "vtaps", _slow_mover(Vtap, "vtap")),
    ("LocalPeeringGateway", "localPeeringGateways", _mover(Gateway, "peering")),
)
OPERATIONS: tuple[Operation, ...] = tuple(
    Operation(
        f"Change{resource}Compartment",
        "POST",
        f"/{path}/{{id}}/actions/changeCompartment",
        run,
    )
    for resource, path, run in _MOVES
)
