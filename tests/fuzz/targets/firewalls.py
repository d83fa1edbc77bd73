"""Other programs' FORWARD chains: judged, or named unreadable.

A statement of an unknown form decides nothing.  Commands for nft are JSON; arguments
for iptables are printable.
"""

import json
from collections.abc import Iterable
from typing import Any

from tests.fuzz.choices import ODD, Choices, damaged, document
from vcnd.linux.firewalls import ChainName, additions, forward_chains, judge, removals
from vcnd.linux.forwarding import UNREADABLE
from vcnd.linux.legacy_iptables import addition, missing_accepts

BASE = {"family": "ip", "table": "filter", "type": "filter", "hook": "forward"}
CHAINS = {
    "nftables": [
        {"chain": {**BASE, "name": "FORWARD", "policy": "drop"}},
        {"chain": {"family": "inet", "table": "firewalld", "name": "zones"}},
    ]
}
FORWARD = ChainName(family="ip", table="filter", name="FORWARD")
IN = {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "oci*"}}
STATEMENTS: tuple[Any, ...] = (
    *(IN, {"accept": None}, {"drop": None}, {"return": None}, "last used never"),
    *({"reject": {"type": "icmp"}}, {"xt": {"type": "target", "name": "REJECT"}}),
    *({"jump": {"target": "FORWARD"}}, {"goto": {"target": "zones"}}, {"xt": None}),
    *({"counter": {"packets": 1, "bytes": 60}}, {"xt": {"name": "comment"}}),
)
LINES = (
    *("-P FORWARD DROP", "-P FORWARD ACCEPT", "-A FORWARD -j DROP", "-N X", ""),
    *("-A FORWARD -j REJECT --reject-with icmp-port-unreachable", "-A FORWARD -j X"),
    *("-A FORWARD -i oci+ -j ACCEPT", "-A FORWARD -o oci+ -m comment -j ACCEPT"),
)


def run(data: bytes) -> None:
    """Judge the chains of a table, and a list of iptables."""
    choices = Choices(data)
    chains = {name: _rules(choices) for name in ("FORWARD", "zones")}
    rules = chains if choices.below(4) else damaged(chains, choices)
    try:
        judged = judge(FORWARD, "drop", lambda name: rules.get(name, ()), "oci")
    except UNREADABLE:
        if rules is chains:
            raise
    else:
        for command in [*additions(judged, "oci"), *removals(judged)]:
            json.dumps(command)
    lines = [choices.pick(LINES) for _ in range(choices.below(6))]
    lines.append(choices.text())
    for option in missing_accepts(lines, "oci"):
        added = addition(lines, option, "oci")
        if added[0] not in ("-I", "-A") or not all(map(str.isprintable, added)):
            raise AssertionError(f"{added} of {lines}")
    try:
        forward_chains(json.loads(document(choices, [CHAINS])), ["vcnd"])
    except UNREADABLE:
        return


def _rules(choices: Choices) -> list[Any]:
    """Return rules of whole and of odd statements."""
    return [
        {
            "handle": handle,
            "comment": choices.pick(["vcnd", "", "other"]),
            "expr": [
                choices.pick(STATEMENTS if choices.below(4) else ODD)
                for _ in range(choices.below(4))
            ],
        }
        for handle in range(choices.below(4))
    ]


def seeds() -> Iterable[bytes]:
    """Return a chain with one rule of each statement."""
    for number in range(len(STATEMENTS)):
        yield bytes([1, 0, 1, 1, number, 0, 1])
    yield bytes([0, 0, 1, 3, 0, 5, 1])
