"""Routing rules as pyroute2 reads them, and back."""

import socket
from typing import Any

import pytest
from pyroute2.netlink.rtnl.fibmsg import fibmsg

from vcnd.netlink import routing_rules
from vcnd.netlink.messages import Message, message
from vcnd.netlink.routing_rules import RoutingRule

FOUR, SIX = socket.AF_INET, socket.AF_INET6
POD = RoutingRule(family=FOUR, priority=2000, table=100, longest=31, protocol=2)
EMPTY = {"dst_len": 0, "src_len": 0, "tos": 0, "action": 1, "flags": 0}

CASES: list[tuple[RoutingRule, dict[str, Any]]] = [
    (
        POD,
        {
            **EMPTY,
            "family": FOUR,
            "table": 100,
            "FRA_PRIORITY": 2000,
            "FRA_TABLE": 100,
            "FRA_SUPPRESS_PREFIXLEN": 31,
        },
    ),
    (
        # Action 7: unreachable.
        RoutingRule(
            family=FOUR,
            priority=7,
            table=0,
            rejects=True,
            arrived_by="ens5",
            protocol=2,
        ),
        {
            **EMPTY,
            "family": FOUR,
            "table": 0,
            "action": 7,
            "FRA_PRIORITY": 7,
            "FRA_IIFNAME": "ens5",
        },
    ),
    (
        # A table above 255 does not fit into the old field: RT_TABLE_COMPAT.
        RoutingRule(
            family=SIX, priority=7, table=1002, source="fd00::7/128", protocol=2
        ),
        {
            **EMPTY,
            "family": SIX,
            "table": 252,
            "src_len": 128,
            "FRA_PRIORITY": 7,
            "FRA_TABLE": 1002,
            "FRA_SRC": "fd00::7",
        },
    ),
    (
        RoutingRule(
            family=FOUR, priority=7, table=254, mark=0x20, mask=0xFF, protocol=2
        ),
        {
            **EMPTY,
            "family": FOUR,
            "table": 254,
            "FRA_PRIORITY": 7,
            "FRA_TABLE": 254,
            "FRA_FWMARK": 0x20,
            "FRA_FWMASK": 0xFF,
        },
    ),
    (
        RoutingRule(
            family=FOUR,
            priority=7,
            table=0,
            source="10.0.16.0/20",
            arrived_by="lo",
            protocol=2,
        ),
        {
            **EMPTY,
            "family": FOUR,
            "table": 0,
            "action": 6,
            "src_len": 20,
            "FRA_PRIORITY": 7,
            "FRA_SRC": "10.0.16.0",
            "FRA_IIFNAME": "lo",
        },
    ),
]


def parsed(request: Message) -> dict[str, Any]:
    """Return fields and attributes as pyroute2 reads them."""
    found = fibmsg(message(*request, 7))
    found.decode()
    derived = {"attrs", "header", "res1", "res2"}
    fields = {k: v for k, v in found.items() if k not in derived}
    return fields | dict(found["attrs"])


@pytest.mark.parametrize(("rule", "expected"), CASES)
def test_pyroute2_reads_our_rules(rule: RoutingRule, expected: dict[str, Any]) -> None:
    added, deleted = routing_rules.new_rule(rule), routing_rules.delete_rule(rule)
    assert added[:2] == (32, 0x600)
    assert deleted[:2] == (33, 0)
    assert parsed(added) == {**expected, "FRA_PROTOCOL": 2}
    assert parsed(deleted) == expected


@pytest.mark.parametrize("rule", [rule for rule, _ in CASES])
def test_rule_is_read_as_it_was_written(rule: RoutingRule) -> None:
    """The kernel lists a rule in the form in which it takes one."""
    assert routing_rules.read_rule(routing_rules.new_rule(rule)[2]) == rule


def test_all_ones_are_no_suppression() -> None:
    """The kernel lists -1 for rules without one."""
    made = fibmsg()
    made["family"], made["action"] = FOUR, 1
    made["attrs"] = [("FRA_SUPPRESS_PREFIXLEN", 0xFFFFFFFF), ("FRA_TABLE", 254)]
    made.encode()
    rule = routing_rules.read_rule(bytes(made.data[16:]))
    assert rule == RoutingRule(family=FOUR, priority=0, table=254)
