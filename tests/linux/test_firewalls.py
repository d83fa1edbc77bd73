"""What a firewall's forward chains do with pods' packets, from nft's own JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from vcnd.linux.firewalls import (
    ChainName,
    ForwardChain,
    forward_chains,
    insertions,
    judge,
    removals,
)

COUNTER = {"counter": {"packets": 0, "bytes": 0}}
ESTABLISHED = {
    "match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established"]}
}
REJECT = {"reject": {"type": "icmp", "expr": "host-prohibited"}}
XT_REJECT = {"xt": {"type": "target", "name": "REJECT"}}
XT_COMMENT = {"xt": {"type": "match", "name": "comment"}}
FORWARD = ChainName(family="ip", table="filter", name="FORWARD")

Expr = dict[str, Any]


def _on(key: str, name: str) -> Expr:
    return {"match": {"op": "==", "left": {"meta": {"key": key}}, "right": name}}


def _rule(*expr: Expr, comment: str = "", handle: int = 1) -> dict[str, Any]:
    said: dict[str, Any] = {"handle": handle, "expr": list(expr)}
    return {**said, "comment": comment} if comment else said


def _accept(key: str, *extra: Expr, comment: str = "", handle: int = 1) -> Any:
    on, accept = _on(key, "oci*"), {"accept": None}
    return _rule(on, *extra, COUNTER, accept, comment=comment, handle=handle)


IN, OUT = _accept("iifname"), _accept("oifname")


def _judged(
    *rules: Any, policy: str = "accept", **others: Sequence[Mapping[str, Any]]
) -> ForwardChain:
    chains = {"FORWARD": rules, **others}
    return judge(FORWARD, policy, lambda name: chains.get(name, []), "oci")


@pytest.mark.parametrize(
    "rules",
    [
        (_rule(COUNTER, REJECT),),
        (_rule(COUNTER, XT_REJECT),),
        (_rule({"drop": None}),),
        (_rule(ESTABLISHED, {"accept": None}), _rule(XT_COMMENT, COUNTER, XT_REJECT)),
        (_rule(REJECT), IN, OUT),  # appended behind it: no packet comes there
    ],
)
def test_a_chain_that_drops_what_no_rule_accepts(rules: tuple[Any, ...]) -> None:
    judged = _judged(*rules)
    assert judged.drops
    assert judged.missing == ("iifname", "oifname")


def test_a_policy_drops_too() -> None:
    assert _judged(policy="drop").missing == ("iifname", "oifname")
    assert _judged(_rule({"accept": None}), policy="drop").missing == ()


@pytest.mark.parametrize(
    "rules",
    [
        (),
        (_rule(ESTABLISHED, {"drop": None}),),  # a condition
        (_rule(_on("iifname", "eth0"), REJECT),),
        (_rule({"accept": None}), _rule(REJECT)),
        (_rule({"jump": {"target": "empty"}}),),
    ],
)
def test_a_chain_that_lets_pods_pass(rules: tuple[Any, ...]) -> None:
    judged = _judged(*rules)
    assert not judged.drops
    assert insertions(judged, "oci") == []


def test_jumps_are_followed_as_the_kernel_does() -> None:
    jump = _rule({"jump": {"target": "zones"}})
    to_public = _rule({"goto": {"target": "public"}})
    some = _rule(_on("iifname", "eth0"), {"goto": {"target": "other"}})
    judged = _judged(jump, zones=[some, to_public], public=[_rule(REJECT)])
    assert judged.missing == ("iifname", "oifname")
    assert judged.visited == {"FORWARD", "zones", "public"}
    assert not _judged(jump, zones=[_rule({"return": None}), _rule(REJECT)]).drops
    undecided = _judged(jump, zones=[to_public, _rule(REJECT)], public=[])
    assert not undecided.drops  # goto does not come back to its chain
    assert not _judged(jump, _rule(REJECT), zones=[IN, OUT]).missing


def test_a_loop_of_jumps_ends() -> None:
    assert not _judged(_rule({"jump": {"target": "FORWARD"}})).drops


def test_what_is_accepted_already_is_not_inserted_again() -> None:
    half = _judged(IN, _rule(REJECT))
    assert half.missing == ("oifname",)
    saved = _accept("iifname", XT_COMMENT)  # as iptables-restore brings ours back
    assert _judged(saved, OUT, _rule(REJECT)).missing == ()
    other = _rule(_on("iifname", "oci1*"), {"accept": None})
    assert _judged(other, OUT, _rule(REJECT)).missing == ("iifname",)


def test_commands_touch_nothing_but_our_own_rules() -> None:
    commands = insertions(_judged(_rule(REJECT)), "oci")
    for direction, command in zip(("iifname", "oifname"), commands, strict=True):
        rule = command["insert"]["rule"]
        named = (rule["family"], rule["table"], rule["chain"], rule["comment"])
        assert named == ("ip", "filter", "FORWARD", "vcnd")
        assert rule["expr"] == [
            _on(direction, "oci*"),
            {"counter": None},
            {"accept": None},
        ]
    ours = _accept("iifname", comment="vcnd", handle=7)
    theirs = _accept("oifname", comment="mine", handle=8)
    late = _accept("oifname", comment="vcnd", handle=9)
    judged = _judged(ours, theirs, _rule(REJECT), late)
    handles = [c["delete"]["rule"]["handle"] for c in removals(judged)]
    assert handles == [7, 9]


def test_only_foreign_base_chains_at_the_forward_hook_count() -> None:
    base = {"family": "ip", "table": "filter", "type": "filter"}
    listed = [
        {**base, "name": "FORWARD", "hook": "forward", "policy": "drop"},
        {**base, "name": "INPUT", "hook": "input", "policy": "drop"},
        {"family": "ip", "table": "filter", "name": "DOCKER"},
        {**base, "family": "bridge", "name": "FORWARD", "hook": "forward"},
        {**base, "family": "inet", "table": "vcnd", "name": "f", "hook": "forward"},
        {**base, "family": "ip", "table": "vcnd", "name": "f", "hook": "forward"},
    ]
    found = forward_chains({"nftables": [{"chain": c} for c in listed]}, ["vcnd"])
    assert {str(chain): policy for chain, policy in found.items()} == {
        "ip filter FORWARD": "drop",
        "ip vcnd f": "accept",
    }
