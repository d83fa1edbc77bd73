"""Operations on network security groups, security lists and route tables."""

from collections.abc import Sequence

from fakeoci.api import details
from fakeoci.api import network_details as said_of
from fakeoci.api.bodies import rule_body, time_text
from fakeoci.api.listing import (
    among,
    changing,
    deleter,
    getter,
    in_order,
    lister,
    names,
    one,
    rename,
)
from fakeoci.api.service import Call, Operation, Result
from fakeoci.world.cidrs import network
from fakeoci.world.errors import conflict, invalid, limit_exceeded
from fakeoci.world.nouns import (
    Nsg,
    PortRange,
    RouteRule,
    RouteTable,
    SecurityList,
    SecurityRule,
    Subnet,
    Vcn,
    Vnic,
)
from fakeoci.world.world import World

DIRECTIONS = ("INGRESS", "EGRESS")
PEERS = ("CIDR_BLOCK", "SERVICE_CIDR_BLOCK", "NETWORK_SECURITY_GROUP")


def _rule(
    call: Call,
    said: said_of.RuleDetails,
    direction: str,
    peer: str | None,
    peer_type: str | None,
) -> SecurityRule:
    if direction not in DIRECTIONS or peer is None:
        raise invalid("a rule needs direction, and source or destination by it")
    kind = peer_type or "CIDR_BLOCK"
    if kind not in PEERS:
        raise invalid(f"sourceType or destinationType is one of {', '.join(PEERS)}")
    if kind == "CIDR_BLOCK":
        network(peer, 6 if ":" in peer else 4)
    elif kind == "NETWORK_SECURITY_GROUP":
        call.world.get(Nsg, peer)
    if not (said.protocol == "all" or said.protocol.isdigit()):
        raise invalid(f"protocol {said.protocol!r} is neither all nor a number")
    options = said.tcp_options if said.protocol == "6" else said.udp_options
    ports = options.destination_port_range if options else None
    if ports is not None and not 1 <= ports.min <= ports.max <= 65535:  # noqa: PLR2004
        raise invalid(f"ports {ports.min} to {ports.max} make no range")
    return SecurityRule(
        id=call.world.names.segment()[:6],
        direction=direction,
        protocol=said.protocol,
        peer=peer,
        peer_type=kind,
        ports=PortRange(min=ports.min, max=ports.max) if ports else None,
        icmp_type=said.icmp_options.type if said.icmp_options else None,
        description=said.description or "",
        is_stateless=said.is_stateless,
    )


# Network security groups


def _create_nsg(call: Call) -> Result:
    said = details.decode(call.body, said_of.CreateNetworkSecurityGroupDetails)
    vcn = call.world.get(Vcn, said.vcn_id)
    common = names(call, "networksecuritygroup", said)
    nsg = Nsg(
        vcn_id=vcn.id,
        compartment_id=call.world.compartment(said.compartment_id),
        **common,
    )
    return one(call, call.world.add(nsg))


def _update_nsg(call: Call) -> Result:
    nsg = changing(call, Nsg)
    rename(nsg, details.decode(call.body, details.Named))
    call.world.touch(nsg)
    return one(call, nsg)


def _delete_nsg(world: World, nsg: Nsg) -> None:
    if any(nsg.id in v.nsg_ids for v in world.all(Vnic)):
        raise conflict(f"network security group {nsg.id}")
    world.drop(nsg)


def _nsg_rules(call: Call) -> Result:
    nsg = call.world.get(Nsg, call.path["id"])
    direction = among(call, "direction", DIRECTIONS)
    rules = [r for r in nsg.rules.values() if direction in (None, r.direction)]
    here, headers = in_order(call, rules, {"TIMECREATED": lambda r: r.number})
    return Result(body=[rule_body(r, of_list=False) for r in here], headers=headers)


def _nsg_vnics(call: Call) -> Result:
    nsg = call.world.get(Nsg, call.path["id"])
    members = [v for v in call.world.all(Vnic) if nsg.id in v.nsg_ids]
    sorts = {"TIMEASSOCIATED": lambda v: v.time_created}
    here, headers = in_order(call, members, sorts)
    rows = [
        {
            "vnicId": v.id,
            "resourceId": v.instance_id,
            "timeAssociated": time_text(v.time_created),
        }
        for v in here
    ]
    return Result(body=rows, headers=headers)


def _nsg_rule(call: Call, said: said_of.AddSecurityRuleDetails) -> SecurityRule:
    if said.direction == "INGRESS":
        peer, peer_type = said.source, said.source_type
    else:
        peer, peer_type = said.destination, said.destination_type
    return _rule(call, said, said.direction, peer, peer_type)


def _add_rules(call: Call) -> Result:
    said = details.decode(call.body, said_of.AddSecurityRulesDetails)
    nsg, limits = call.world.get(Nsg, call.path["id"]), call.world.settings.limits
    if len(said.security_rules) > limits.rules_per_call:
        raise invalid(f"at most {limits.rules_per_call} rules per call")
    if len(nsg.rules) + len(said.security_rules) > limits.rules_per_nsg:
        raise limit_exceeded(f"an NSG has at most {limits.rules_per_nsg} rules")
    return _rules_changed(call, nsg, [_nsg_rule(call, r) for r in said.security_rules])


def _update_rules(call: Call) -> Result:
    said = details.decode(call.body, said_of.UpdateSecurityRulesDetails)
    nsg = call.world.get(Nsg, call.path["id"])
    _check_known(nsg, [r.id for r in said.security_rules])
    changed = [_nsg_rule(call, r) for r in said.security_rules]
    for rule, new in zip(said.security_rules, changed, strict=True):
        new.id = rule.id
    return _rules_changed(call, nsg, changed)


def _rules_changed(call: Call, nsg: Nsg, rules: list[SecurityRule]) -> Result:
    last = max((r.number for r in nsg.rules.values()), default=0)
    for number, rule in enumerate(rules, last + 1):
        known = nsg.rules.get(rule.id)
        rule.number = known.number if known is not None else number
        nsg.rules[rule.id] = rule
    call.world.touch(nsg)
    return Result(body={"securityRules": [rule_body(r, of_list=False) for r in rules]})


def _check_known(nsg: Nsg, rule_ids: Sequence[str]) -> None:
    unknown = [i for i in rule_ids if i not in nsg.rules]
    if unknown:
        raise invalid(f"no such rules: {', '.join(unknown)}")


def _remove_rules(call: Call) -> Result:
    said = details.decode(call.body, said_of.RemoveSecurityRulesDetails)
    nsg = call.world.get(Nsg, call.path["id"])
    _check_known(nsg, said.security_rule_ids)
    for rule_id in said.security_rule_ids:
        del nsg.rules[rule_id]
    call.world.touch(nsg)
    return Result(status=204)


# Security lists


def _list_rules(
    call: Call,
    ingress: Sequence[said_of.IngressSecurityRule],
    egress: Sequence[said_of.EgressSecurityRule],
) -> list[SecurityRule]:
    rules = [_rule(call, r, "INGRESS", r.source, r.source_type) for r in ingress]
    rules += [
        _rule(call, r, "EGRESS", r.destination, r.destination_type) for r in egress
    ]
    return rules


def _create_security_list(call: Call) -> Result:
    said = details.decode(call.body, said_of.CreateSecurityListDetails)
    vcn = call.world.get(Vcn, said.vcn_id)
    rules = _list_rules(call, said.ingress_security_rules, said.egress_security_rules)
    common = names(call, "securitylist", said)
    made = SecurityList(
        vcn_id=vcn.id,
        rules=rules,
        compartment_id=call.world.compartment(said.compartment_id),
        **common,
    )
    return one(call, call.world.add(made))


def _update_security_list(call: Call) -> Result:
    said = details.decode(call.body, said_of.UpdateSecurityListDetails)
    security = changing(call, SecurityList)
    for direction, new in (
        ("INGRESS", said.ingress_security_rules),
        ("EGRESS", said.egress_security_rules),
    ):
        if new is None:
            continue
        kept = [r for r in security.rules if r.direction != direction]
        ingress = said.ingress_security_rules if direction == "INGRESS" else []
        egress = said.egress_security_rules if direction == "EGRESS" else []
        security.rules = kept + _list_rules(call, ingress or [], egress or [])
    rename(security, said)
    call.world.touch(security)
    return one(call, security)


def _delete_security_list(world: World, security: SecurityList) -> None:
    if any(security.id in s.security_list_ids for s in world.all(Subnet)):
        raise conflict(f"security list {security.id}")
    _check_no_default(world, security)
    world.drop(security)


# Route tables


def _routes(call: Call, said: Sequence[said_of.RouteRule]) -> list[RouteRule]:
    routes = []
    for rule in said:
        destination = rule.destination or rule.cidr_block
        if destination is None:
            raise invalid("a route needs a destination")
        kind = rule.destination_type or "CIDR_BLOCK"
        if kind == "CIDR_BLOCK":
            network(destination, 6 if ":" in destination else 4)
        if rule.network_entity_id not in call.world.objects:
            raise invalid(f"networkEntityId {rule.network_entity_id} is nothing here")
        routes.append(
            RouteRule(
                destination=destination,
                destination_type=kind,
                network_entity_id=rule.network_entity_id,
                description=rule.description or "",
            )
        )
    return routes


def _create_route_table(call: Call) -> Result:
    said = details.decode(call.body, said_of.CreateRouteTableDetails)
    vcn = call.world.get(Vcn, said.vcn_id)
    made = RouteTable(
        vcn_id=vcn.id,
        rules=_routes(call, said.route_rules),
        compartment_id=call.world.compartment(said.compartment_id),
        **names(call, "routetable", said),
    )
    return one(call, call.world.add(made))


def _update_route_table(call: Call) -> Result:
    said = details.decode(call.body, said_of.UpdateRouteTableDetails)
    table = changing(call, RouteTable)
    if said.route_rules is not None:
        table.rules = _routes(call, said.route_rules)
    rename(table, said)
    call.world.touch(table)
    return one(call, table)


def _delete_route_table(world: World, table: RouteTable) -> None:
    if any(table.id == s.route_table_id for s in world.all(Subnet)):
        raise conflict(f"route table {table.id}")
    _check_no_default(world, table)
    world.drop(table)


def _check_no_default(world: World, noun: RouteTable | SecurityList) -> None:
    vcn = world.get(Vcn, noun.vcn_id)
    if noun.id in (vcn.default_route_table_id, vcn.default_security_list_id):
        raise invalid("a VCN's default goes with its VCN")


_NSGS, _NSG = "/networkSecurityGroups", "/networkSecurityGroups/{id}"
_LISTS, _TABLES = "/securityLists", "/routeTables"
OPERATIONS: tuple[Operation, ...] = (
    Operation("ListNetworkSecurityGroups", "GET", _NSGS, lister(Nsg)),
    Operation("CreateNetworkSecurityGroup", "POST", _NSGS, _create_nsg),
    Operation("GetNetworkSecurityGroup", "GET", _NSG, getter(Nsg)),
    Operation("UpdateNetworkSecurityGroup", "PUT", _NSG, _update_nsg),
    Operation("DeleteNetworkSecurityGroup", "DELETE", _NSG, deleter(Nsg, _delete_nsg)),
    Operation(
        "ListNetworkSecurityGroupSecurityRules",
        "GET",
        f"{_NSG}/securityRules",
        _nsg_rules,
    ),
    Operation("ListNetworkSecurityGroupVnics", "GET", f"{_NSG}/vnics", _nsg_vnics),
    Operation(
        "AddNetworkSecurityGroupSecurityRules",
        "POST",
        f"{_NSG}/actions/addSecurityRules",
        _add_rules,
    ),
    Operation(
        "UpdateNetworkSecurityGroupSecurityRules",
        "POST",
        f"{_NSG}/actions/updateSecurityRules",
        _update_rules,
    ),
    Operation(
        "RemoveNetworkSecurityGroupSecurityRules",
        "POST",
        f"{_NSG}/actions/removeSecurityRules",
        _remove_rules,
    ),
    Operation("ListSecurityLists", "GET", _LISTS, lister(SecurityList)),
    Operation("CreateSecurityList", "POST", _LISTS, _create_security_list),
    Operation("GetSecurityList", "GET", f"{_LISTS}/{{id}}", getter(SecurityList)),
    Operation("UpdateSecurityList", "PUT", f"{_LISTS}/{{id}}", _update_security_list),
    Operation(
        "DeleteSecurityList",
        "DELETE",
        f"{_LISTS}/{{id}}",
        deleter(SecurityList, _delete_security_list),
    ),
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
