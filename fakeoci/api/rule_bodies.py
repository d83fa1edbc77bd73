"""Rules as OCI's JSON: those of security lists, NSGs and capture filters."""

from typing import Any

from fakeoci.world.resources import CaptureFilter, SecurityRule, Traffic

Body = dict[str, Any]


def _protocol_options(rule: Traffic) -> Body:
    """Return the ports or the ICMP type of a rule."""
    found: Body = {}
    ranges = {
        name: {"min": span.min, "max": span.max}
        for name, span in (
            ("destinationPortRange", rule.ports),
            ("sourcePortRange", rule.source_ports),
        )
        if span is not None
    }
    if ranges:
        found["tcpOptions" if rule.protocol == "6" else "udpOptions"] = ranges
    if rule.icmp_type is not None:
        code = {} if rule.icmp_code is None else {"code": rule.icmp_code}
        found["icmpOptions"] = {"type": rule.icmp_type, **code}
    return found


def rule_body(rule: SecurityRule, *, of_list: bool) -> Body:
    """Return a rule's JSON in the form of an NSG, or of a security list."""
    end = "source" if rule.direction == "INGRESS" else "destination"
    body: Body = {
        "protocol": rule.protocol,
        "isStateless": rule.is_stateless,
        "description": rule.description,
        end: rule.peer,
        f"{end}Type": rule.peer_type,
    }
    if not of_list:
        body |= {"id": rule.id, "direction": rule.direction, "isValid": rule.is_valid}
    body |= _protocol_options(rule)
    return body


def capture_filter_body(made: CaptureFilter) -> Body:
    """Return the JSON that a capture filter has beside the common fields."""
    return {
        "filterType": "VTAP",
        "vtapCaptureFilterRules": [
            {
                "trafficDirection": r.direction,
                "ruleAction": "INCLUDE" if r.includes else "EXCLUDE",
                "sourceCidr": r.source or None,
                "destinationCidr": r.destination or None,
                "protocol": None if r.protocol == "all" else r.protocol,
                **_protocol_options(r),
            }
            for r in made.rules
        ],
    }
