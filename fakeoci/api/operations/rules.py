"""Operations on network security groups and security lists."""

from collections.abc import Sequence
from typing import Any

from fakeoci.api.answers import in_order, one
from fakeoci.api.bodies import time_text
from fakeoci.api.crud import changing, deleter, getter, lister, names, rename
from fakeoci.api.details.base import Named, decode
from fakeoci.api.details.rules import (
    AddSecurityRuleDetails,
    AddSecurityRulesDetails,
    CreateNetworkSecurityGroupDetails,
    CreateSecurityListDetails,
    EgressSecurityRule,
    IngressSecurityRule,
    PortOptions,
    PortRangeDetails,
    RemoveSecurityRulesDetails,
    RuleDetails,
    TrafficDetails,
    UpdateSecurityListDetails,
    UpdateSecurityRulesDetails,
)
from fakeoci.api.query import among
from fakeoci.api.rule_bodies import rule_body
from fakeoci.api.service import Call, Operation, Result
from fakeoci.world.errors import conflict, invalid, limit_exceeded, missing
from fakeoci.world.networks import check_no_default
from fakeoci.world.resources import (
    Nsg,
    PortRange,
    SecurityList,
    SecurityRule,
    Subnet,
    Vcn,
    Vnic,
)
from fakeoci.world.rules import check_rule
from fakeoci.world.world import World

DIRECTIONS = ("INGRESS", "EGRESS")
_OPTIONS = {"tcp_options": ("6",), "udp_options": ("17",), "icmp_options": ("1", "58")}
"""The protocols that each kind of options applies to."""


def traffic(details: TrafficDetails, protocol: str) -> dict[str, Any]:
    """Return the fields of ``Traffic``.

    Raises:
        ServiceError: 400, options of another protocol, or no range of ports.
    """
    for name, protocols in _OPTIONS.items():
        if getattr(details, name) is not None and protocol not in protocols:
            raise invalid(f"{name} of protocol {protocol!r}")
    ports = details.tcp_options or details.udp_options or PortOptions()
    icmp = details.icmp_options
    return {
        "protocol": protocol,
        "ports": _port_range(ports.destination_port_range),
        "source_ports": _port_range(ports.source_port_range),
        "icmp_type": icmp.type if icmp else None,
        "icmp_code": icmp.code if icmp else None,
    }


def _port_range(span: PortRangeDetails | None) -> PortRange | None:
    if span is None:
        return None
    if not 1 <= span.min <= span.max <= 65535:  # noqa: PLR2004
        raise invalid(f"ports {span.min} to {span.max} make no range")
    return PortRange(min=span.min, max=span.max)


def _rule(
    call: Call,
    details: RuleDetails,
    direction: str,
    peer: str | None,
    peer_type: str | None,
    *,
    vcn_id: str,
    of_list: bool = False,
) -> SecurityRule:
    if peer is None:
        raise missing("a rule needs its source or destination, by its direction")
    packets = traffic(details, details.protocol)
    rule = SecurityRule(
        id=call.world.names.segment()[:6],
        direction=direction,
        peer=peer,
        peer_type=peer_type or "CIDR_BLOCK",
        description=details.description or "",
        is_stateless=details.is_stateless,
        **packets,
    )
    check_rule(call.world, rule, vcn_id, of_list=of_list)
    return rule


# Network security groups


def _create_nsg(call: Call) -> Result:
    details = decode(call.body, CreateNetworkSecurityGroupDetails)
    vcn = call.world.get(Vcn, details.vcn_id)
    common = names(call, "networksecuritygroup", details)
    nsg = Nsg(
        vcn_id=vcn.id,
        compartment_id=call.world.compartment(details.compartment_id),
        **common,
    )
    return one(call, call.world.add(nsg))


def _update_nsg(call: Call) -> Result:
    nsg = changing(call, Nsg)
    rename(nsg, decode(call.body, Named))
    call.world.touch(nsg)
    return one(call, nsg)


def _delete_nsg(world: World, nsg: Nsg) -> None:
    if any(nsg.id in v.nsg_ids for v in world.all(Vnic)):
        raise conflict(f"network security group {nsg.id}")
    for other in world.all(Nsg):
        for rule in other.rules.values():
            if rule.peer == nsg.id:
                rule.is_valid = False
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


def _nsg_rule(call: Call, nsg: Nsg, details: AddSecurityRuleDetails) -> SecurityRule:
    if details.direction == "INGRESS":
        peer, peer_type = details.source, details.source_type
    else:
        peer, peer_type = details.destination, details.destination_type
    return _rule(call, details, details.direction, peer, peer_type, vcn_id=nsg.vcn_id)


def _add_rules(call: Call) -> Result:
    details = decode(call.body, AddSecurityRulesDetails)
    nsg, limits = call.world.get(Nsg, call.path["id"]), call.world.settings.limits
    _check_count(call, details.security_rules)
    if len(nsg.rules) + len(details.security_rules) > limits.rules_per_nsg:
        raise limit_exceeded(f"an NSG has at most {limits.rules_per_nsg} rules")
    return _rules_changed(
        call, nsg, [_nsg_rule(call, nsg, r) for r in details.security_rules]
    )


def _update_rules(call: Call) -> Result:
    details = decode(call.body, UpdateSecurityRulesDetails)
    nsg = call.world.get(Nsg, call.path["id"])
    _check_count(call, details.security_rules)
    _check_known(nsg, [r.id for r in details.security_rules])
    changed = [_nsg_rule(call, nsg, r) for r in details.security_rules]
    for rule, new in zip(details.security_rules, changed, strict=True):
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


def _check_count(call: Call, rules: Sequence[object]) -> None:
    most = call.world.settings.limits.rules_per_call
    if len(rules) > most:
        raise invalid(f"at most {most} rules per call")


def _check_known(nsg: Nsg, rule_ids: Sequence[str]) -> None:
    unknown = [i for i in rule_ids if i not in nsg.rules]
    if unknown:
        raise invalid(f"no such rules: {', '.join(unknown)}")
    if len(set(rule_ids)) < len(rule_ids):
        raise invalid("a rule is named twice")


def _remove_rules(call: Call) -> Result:
    details = decode(call.body, RemoveSecurityRulesDetails)
    nsg = call.world.get(Nsg, call.path["id"])
    _check_count(call, details.security_rule_ids)
    _check_known(nsg, details.security_rule_ids)
    for rule_id in details.security_rule_ids:
        del nsg.rules[rule_id]
    call.world.touch(nsg)
    return Result(status=204)


# Security lists


def _list_rules(
    call: Call,
    vcn_id: str,
    ingress: Sequence[IngressSecurityRule] = (),
    egress: Sequence[EgressSecurityRule] = (),
) -> list[SecurityRule]:
    most = call.world.settings.limits.rules_per_list
    if max(len(ingress), len(egress)) > most:
        raise limit_exceeded(f"a security list has at most {most} rules each way")

    def made(
        details: RuleDetails, direction: str, peer: str, peer_type: str | None
    ) -> SecurityRule:
        return _rule(
            call, details, direction, peer, peer_type, vcn_id=vcn_id, of_list=True
        )

    return [
        *(made(r, "INGRESS", r.source, r.source_type) for r in ingress),
        *(made(r, "EGRESS", r.destination, r.destination_type) for r in egress),
    ]


def _create_security_list(call: Call) -> Result:
    details = decode(call.body, CreateSecurityListDetails)
    vcn = call.world.get(Vcn, details.vcn_id)
    rules = _list_rules(
        call, vcn.id, details.ingress_security_rules, details.egress_security_rules
    )
    common = names(call, "securitylist", details)
    made = SecurityList(
        vcn_id=vcn.id,
        rules=rules,
        compartment_id=call.world.compartment(details.compartment_id),
        **common,
    )
    return one(call, call.world.add(made))


def _update_security_list(call: Call) -> Result:
    details = decode(call.body, UpdateSecurityListDetails)
    security = changing(call, SecurityList)
    rules = _list_rules(
        call,
        security.vcn_id,
        details.ingress_security_rules or (),
        details.egress_security_rules or (),
    )
    replaced = {
        "INGRESS": details.ingress_security_rules is not None,
        "EGRESS": details.egress_security_rules is not None,
    }
    kept = [r for r in security.rules if not replaced[r.direction]]
    security.rules = kept + rules
    rename(security, details)
    call.world.touch(security)
    return one(call, security)


def _delete_security_list(world: World, security: SecurityList) -> None:
    if any(security.id in s.security_list_ids for s in world.all(Subnet)):
        raise conflict(f"security list {security.id}")
    check_no_default(world, security)
    world.drop(security)


_NSGS, _NSG = "/networkSecurityGroups", "/networkSecurityGroups/{id}"
_LISTS = "/securityLists"
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
)
