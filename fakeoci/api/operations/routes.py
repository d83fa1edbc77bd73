"""Operations on route tables."""

from collections.abc import Sequence

from fakeoci.api.answers import one
from fakeoci.api.crud import changing, deleter, getter, lister, names, rename
from fakeoci.api.details.base import decode
from fakeoci.api.details.routes import (
    CreateRouteTableDetails,
    UpdateRouteTableDetails,
)
from fakeoci.api.details.routes import RouteRule as RouteRuleBody
from fakeoci.api.service import Call, Operation, Result
from fakeoci.world.cidrs import network
from fakeoci.world.errors import conflict, invalid, limit_exceeded, missing
from fakeoci.world.networks import check_no_default
from fakeoci.world.resources import Address, RouteRule, RouteTable, Subnet, Vcn, Vnic
from fakeoci.world.rules import check_route
from fakeoci.world.world import World


def _routes(
    call: Call, vcn_id: str, details: Sequence[RouteRuleBody]
) -> list[RouteRule]:
    most = call.world.settings.limits.routes_per_table
    if len(details) > most:
        raise limit_exceeded(f"a route table has at most {most} rules")
    return [_route(call, vcn_id, rule) for rule in details]


def _route(call: Call, vcn_id: str, details: RouteRuleBody) -> RouteRule:
    if details.destination is not None and details.cidr_block is not None:
        raise invalid("cidrBlock and destination exclude each other")
    destination = details.destination or details.cidr_block
    if destination is None:
        raise missing("a route needs a destination")
    if details.cidr_block is not None:
        network(details.cidr_block, 4)
    route = RouteRule(
        destination=destination,
        destination_type=details.destination_type or "CIDR_BLOCK",
        network_entity_id=details.network_entity_id,
        description=details.description or "",
    )
    check_route(call.world, route, vcn_id)
    return route


def _create_route_table(call: Call) -> Result:
    details = decode(call.body, CreateRouteTableDetails)
    vcn = call.world.get(Vcn, details.vcn_id)
    made = RouteTable(
        vcn_id=vcn.id,
        rules=_routes(call, vcn.id, details.route_rules),
        compartment_id=call.world.compartment(details.compartment_id),
        **names(call, "routetable", details),
    )
    return one(call, call.world.add(made))


def _update_route_table(call: Call) -> Result:
    details = decode(call.body, UpdateRouteTableDetails)
    table = changing(call, RouteTable)
    if details.route_rules is not None:
        table.rules = _routes(call, table.vcn_id, details.route_rules)
    rename(table, details)
    call.world.touch(table)
    return one(call, table)


def _delete_route_table(world: World, table: RouteTable) -> None:
    used = {
        *(s.route_table_id for s in world.all(Subnet)),
        *(v.route_table_id for v in world.all(Vnic)),
        *(a.route_table_id for a in world.all(Address)),
    }
    if table.id in used:
        raise conflict(f"route table {table.id}")
    check_no_default(world, table)
    world.drop(table)


_TABLES = "/routeTables"
OPERATIONS: tuple[Operation, ...] = (
    Operation("ListRouteTables", "GET", _TABLES, lister(RouteTable)),
    Operation("CreateRouteTable", "POST", _TABLES, _create_route_table),
    Operation("GetRouteTable", "GET", f"{_TABLES}/{{id}}", getter(RouteTable)),
    Operation("UpdateRouteTable", "PUT", f"{_TABLES}/{{id}}", _update_route_table),
    Operation(
        "DeleteRouteTable",
        "DELETE",
        f"{_TABLES}/{{id}}",
        deleter(RouteTable, _delete_route_table),
    ),
)
