"""Operations on network security groups."""

from fakeoci.api import details
from fakeoci.api.bodies import rule_body, time_text
from fakeoci.api.listing import page
from fakeoci.api.service import Call, Result
from fakeoci.world.errors import invalid
from fakeoci.world.nouns import Nsg, PortRange, SecurityRule, Vnic


def nsg_rules(call: Call) -> Result:
    """ListNetworkSecurityGroupSecurityRules."""
    nsg = call.world.get(Nsg, call.path["id"])
    direction = call.query.get("direction")
    rules = [r for r in nsg.rules.values() if direction in (None, r.direction)]
    return page(call, [rule_body(r, of_list=False) for r in rules])


def nsg_vnics(call: Call) -> Result:
    """ListNetworkSecurityGroupVnics."""
    nsg = call.world.get(Nsg, call.path["id"])
    members = [v for v in call.world.all(Vnic) if nsg.id in v.nsg_ids]
    return page(
        call,
        [
            {"vnicId": v.id, "timeAssociated": time_text(v.time_created)}
            for v in members
        ],
    )


def add_nsg_rules(call: Call) -> Result:
    """AddNetworkSecurityGroupSecurityRules."""
    said = details.decode(call.body, details.AddSecurityRulesDetails)
    nsg = call.world.get(Nsg, call.path["id"])
    if len(said.security_rules) > call.world.settings.limits.rules_per_call:
        raise invalid("at most 25 rules per call")
    added = [_rule(call, r) for r in said.security_rules]
    nsg.rules |= {r.id: r for r in added}
    call.world.touch(nsg)
    return Result(body={"securityRules": [rule_body(r, of_list=False) for r in added]})


def _rule(call: Call, said: details.AddSecurityRuleDetails) -> SecurityRule:
    ingress = said.direction == "INGRESS"
    peer = said.source if ingress else said.destination
    peer_type = said.source_type if ingress else said.destination_type
    if said.direction not in ("INGRESS", "EGRESS") or peer is None:
        raise invalid("a rule needs direction, and source or destination by it")
    options = said.tcp_options if said.protocol == "6" else said.udp_options
    ports = options.destination_port_range if options else None
    return SecurityRule(
        id=call.world.names.segment()[:6],
        direction=said.direction,
        protocol=said.protocol,
        peer=peer,
        peer_type=peer_type or "CIDR_BLOCK",
        ports=PortRange(min=ports.min, max=ports.max) if ports else None,
        icmp_type=said.icmp_options.type if said.icmp_options else None,
        description=said.description or "",
        is_stateless=said.is_stateless,
    )


def remove_nsg_rules(call: Call) -> Result:
    """RemoveNetworkSecurityGroupSecurityRules."""
    said = details.decode(call.body, details.RemoveSecurityRulesDetails)
    nsg = call.world.get(Nsg, call.path["id"])
    unknown = [i for i in said.security_rule_ids if i not in nsg.rules]
    if unknown:
        raise invalid(f"no such rules: {', '.join(unknown)}")
    for rule_id in said.security_rule_ids:
        del nsg.rules[rule_id]
    call.world.touch(nsg)
    return Result(status=204)
