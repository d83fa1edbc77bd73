"""Operations on a VCN's gateways.

Gateways that the API creates carry no packets: the fabric has the world file's only.
"""

from collections.abc import Callable

from fakeoci.api.answers import SORTS, listed, one
from fakeoci.api.crud import changing, names, rename
from fakeoci.api.details.base import Named, decode
from fakeoci.api.details.gateways import (
    ConnectLocalPeeringGatewaysDetails,
    CreatedGateway,
    CreateInternetGatewayDetails,
    CreateLocalPeeringGatewayDetails,
    CreateNatGatewayDetails,
    CreateServiceGatewayDetails,
    ServiceIdRequestDetails,
    UpdateServiceGatewayDetails,
)
from fakeoci.api.paging import page
from fakeoci.api.query import check_known, compartment, in_state, matching
from fakeoci.api.service import Call, Operation, Result
from fakeoci.world.errors import conflict, invalid, limit_exceeded, not_found
from fakeoci.world.networks import check_peers, of_vcn
from fakeoci.world.resources import (
    Gateway,
    RouteTable,
    Vcn,
)
from fakeoci.world.services import SERVICES, cidr_of
from fakeoci.world.world import World

SINGULAR = ("internet", "nat", "service")
"""A VCN has at most one gateway of each of these kinds; OCI's limits are 1 or more."""


def gateway_lister(kind: str) -> Callable[[Call], Result]:
    """Return the operation that lists the gateways of a kind."""

    def run(call: Call) -> Result:
        compartment(call)
        check_known(call, vcnId=Vcn)
        mine = [g for g in call.world.all(Gateway) if g.kind == kind]
        found = matching(
            call,
            mine,
            compartmentId="compartment_id",
            vcnId="vcn_id",
            displayName="display_name",
        )
        return listed(call, in_state(call, Gateway, found), SORTS)

    return run


def gateway_getter(kind: str) -> Callable[[Call], Result]:
    """Return the operation that gets a gateway of a kind."""

    def run(call: Call) -> Result:
        return one(call, of_kind(call.world.get(Gateway, call.path["id"]), kind))

    return run


def of_kind(gateway: Gateway, kind: str) -> Gateway:
    """Return a gateway; raise 404 if it is of another kind."""
    if gateway.kind != kind:
        raise not_found()
    return gateway


def _create_internet(call: Call) -> Result:
    details = decode(call.body, CreateInternetGatewayDetails)
    return _create(
        call, "internet", "internetgateway", details, enabled=details.is_enabled
    )


def _create_nat(call: Call) -> Result:
    details = decode(call.body, CreateNatGatewayDetails)
    if details.public_ip_id is not None:
        raise invalid("publicIpId: this fake has no reserved public IPs")
    return _create(
        call, "nat", "natgateway", details, enabled=not details.block_traffic
    )


def _create_peering(call: Call) -> Result:
    details = decode(call.body, CreateLocalPeeringGatewayDetails)
    return _create(call, "peering", "localpeeringgateway", details, enabled=True)


def _create(
    call: Call,
    kind: str,
    ocid: str,
    details: CreatedGateway,
    *,
    enabled: bool,
) -> Result:
    vcn = call.world.get(Vcn, details.vcn_id)
    if details.route_table_id is not None:
        of_vcn(call.world, RouteTable, details.route_table_id, vcn.id)
    same = [g for g in call.world.all(Gateway) if (g.vcn_id, g.kind) == (vcn.id, kind)]
    if same and kind in SINGULAR:
        raise limit_exceeded(f"the VCN has an {kind} gateway already")
    gateway = Gateway(
        kind=kind,
        vcn_id=vcn.id,
        is_enabled=enabled,
        compartment_id=call.world.compartment(details.compartment_id),
        **names(call, ocid, details),
    )
    return one(call, call.world.add(gateway))


def _connect(call: Call) -> Result:
    details = decode(call.body, ConnectLocalPeeringGatewaysDetails)
    mine = of_kind(call.world.get(Gateway, call.path["id"]), "peering")
    other = of_kind(call.world.get(Gateway, details.peer_id), "peering")
    if mine.vcn_id == other.vcn_id:
        raise invalid("a VCN is not peered with itself")
    if mine.peer_id or other.peer_id:
        raise conflict("the local peering gateway")
    check_peers(call.world, *(call.world.get(Vcn, g.vcn_id) for g in (mine, other)))
    mine.peer_id, other.peer_id = other.id, mine.id
    call.world.touch(mine)
    call.world.touch(other)
    return Result(status=204)


def gateway_renamer(kind: str) -> Callable[[Call], Result]:
    """Return the operation that changes the name and tags of a gateway of a kind."""

    def run(call: Call) -> Result:
        gateway = of_kind(changing(call, Gateway), kind)
        rename(gateway, decode(call.body, Named))
        call.world.touch(gateway)
        return one(call, gateway)

    return run


def delete_gateway(world: World, gateway: Gateway) -> None:
    """Delete a gateway that no route leads to."""
    used = any(
        r.network_entity_id == gateway.id
        for t in world.all(RouteTable)
        for r in t.rules
    )
    if used:
        raise conflict(f"gateway {gateway.id}, by a route")
    for peer in world.all(Gateway):
        if peer.peer_id == gateway.id:
            peer.peer_id = ""
            world.touch(peer)
    world.drop(gateway)


def gateway_deleter(
    kind: str, delete: Callable[[World, Gateway], None] = delete_gateway
) -> Callable[[Call], Result]:
    """Return the operation that deletes a gateway of a kind.

    Args:
        kind: internet, nat, peering, service or drg.
        delete: deletes the gateway from the world.
    """

    def run(call: Call) -> Result:
        gateway = of_kind(changing(call, Gateway), kind)
        delete(call.world, gateway)
        return Result(status=204)

    return run


def _create_service(call: Call) -> Result:
    details = decode(call.body, CreateServiceGatewayDetails)
    services = _services([x.service_id for x in details.services])
    result = _create(call, "service", "servicegateway", details, enabled=True)
    gateway = call.world.get(Gateway, result.body["id"])
    gateway.service_ids = services
    return one(call, gateway)


def _services(ids: list[str]) -> list[str]:
    unknown = [i for i in ids if i not in SERVICES]
    if unknown:
        raise invalid(f"no such services: {', '.join(unknown)}")
    return ids


def _update_service(call: Call) -> Result:
    details = decode(call.body, UpdateServiceGatewayDetails)
    gateway = of_kind(changing(call, Gateway), "service")
    if details.services is not None:
        gateway.service_ids = _services([x.service_id for x in details.services])
    if details.block_traffic is not None:
        gateway.is_enabled = not details.block_traffic
    rename(gateway, details)
    call.world.touch(gateway)
    return one(call, gateway)


def _change_service(*, attach: bool) -> Callable[[Call], Result]:
    def run(call: Call) -> Result:
        details = decode(call.body, ServiceIdRequestDetails)
        gateway = of_kind(changing(call, Gateway), "service")
        others = [s for s in gateway.service_ids if s != details.service_id]
        added = _services([details.service_id]) if attach else []
        gateway.service_ids = others + added
        call.world.touch(gateway)
        return one(call, gateway)

    return run


def _service_body(service_id: str) -> dict[str, str]:
    name = SERVICES[service_id]
    return {
        "id": service_id,
        "name": name,
        "description": name,
        "cidrBlock": cidr_of(service_id),
    }


def _list_services(call: Call) -> Result:
    return page(call, [_service_body(s) for s in SERVICES])


def _get_service(call: Call) -> Result:
    if call.path["id"] not in SERVICES:
        raise not_found()
    return Result(body=_service_body(call.path["id"]), headers={"etag": "1"})


def _operations(
    kind: str, resource: str, path: str, create: Callable[[Call], Result]
) -> tuple[Operation, ...]:
    at = f"{path}/{{id}}"
    return (
        Operation(f"List{resource}s", "GET", path, gateway_lister(kind)),
        Operation(f"Create{resource}", "POST", path, create),
        Operation(f"Get{resource}", "GET", at, gateway_getter(kind)),
        Operation(f"Update{resource}", "PUT", at, gateway_renamer(kind)),
        Operation(f"Delete{resource}", "DELETE", at, gateway_deleter(kind)),
    )


_PEERING, _SERVICE = "/localPeeringGateways", "/serviceGateways"
OPERATIONS: tuple[Operation, ...] = (
    *_operations("internet", "InternetGateway", "/internetGateways", _create_internet),
    *_operations("nat", "NatGateway", "/natGateways", _create_nat),
    *_operations("peering", "LocalPeeringGateway", _PEERING, _create_peering),
    Operation(
        "ConnectLocalPeeringGateways",
        "POST",
        f"{_PEERING}/{{id}}/actions/connect",
        _connect,
    ),
    Operation("ListServiceGateways", "GET", _SERVICE, gateway_lister("service")),
    Operation("CreateServiceGateway", "POST", _SERVICE, _create_service),
    Operation(
        "GetServiceGateway", "GET", f"{_SERVICE}/{{id}}", gateway_getter("service")
    ),
    Operation("UpdateServiceGateway", "PUT", f"{_SERVICE}/{{id}}", _update_service),
    Operation(
        "DeleteServiceGateway",
        "DELETE",
        f"{_SERVICE}/{{id}}",
        gateway_deleter("service"),
    ),
    Operation(
        "AttachServiceId",
        "POST",
        f"{_SERVICE}/{{id}}/actions/attachService",
        _change_service(attach=True),
    ),
    Operation(
        "DetachServiceId",
        "POST",
        f"{_SERVICE}/{{id}}/actions/detachService",
        _change_service(attach=False),
    ),
    Operation("ListServices", "GET", "/services", _list_services),
    Operation("GetService", "GET", "/services/{id}", _get_service),
)
