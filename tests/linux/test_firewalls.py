"""Effects of a firewall's forward chains on pods' packets, from nft's own JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from vcnd.linux import legacy_iptables
from vcnd.linux.firewalls import (
    ChainName,
    ForwardChain,
    additions,
    forward_chains,
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
    rule: dict[str, Any] = {"handle": handle, "expr": list(expr)}
    return {**rule, "comment": comment} if comment else rule


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
        (_rule(REJECT), IN, OUT),  # appended behind it, where no packet arrives
    ],
)
def test_chain_with_a_drop_rule_lacks_both_accepts(rules: tuple[Any, ...]) -> None:
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
        (_rule(ESTABLISHED, {"drop": None}),),  # it has a condition
        (_rule(_on("iifname", "eth0"), REJECT),),
        (_rule({"accept": None}), _rule(REJECT)),
        (_rule({"jump": {"target": "empty"}}),),
    ],
)
def test_a_chain_that_lets_pods_pass(rules: tuple[Any, ...]) -> None:
    judged = _judged(*rules)
    assert not judged.drops
    assert additions(judged, "oci") == []


def test_jumps_are_followed_as_the_kernel_does() -> None:
    jump = _rule({"jump": {"target": "zones"}})
    to_public = _rule({"goto": {"target": "public"}})
    some = _rule(_on("iifname", "eth0"), {"goto": {"target": "other"}})
    judged = _judged(jump, zones=[some, to_public], public=[_rule(REJECT)])
    assert judged.missing == ("iifname", "oifname")
    assert judged.visited == {"FORWARD", "zones", "public"}
    assert not _judged(jump, zones=[_rule({"return": None}), _rule(REJECT)]).drops
    undecided = _judged(jump, zones=[to_public, _rule(REJECT)], public=[])
    assert not undecided.drops  # goto does not return to its chain
    assert not _judged(jump, _rule(REJECT), zones=[IN, OUT]).missing


@pytest.mark.parametrize("text", ["last used never", 7, None, [], {}, {"a": 1, "b": 2}])
def test_a_statement_that_is_no_object_may_match_some_packets(text: Any) -> None:
    """nft prints as text what its JSON has no form for."""
    assert not _judged(_rule(text, REJECT)).drops
    assert not _judged(_rule(text)).drops
    assert _judged(_rule(text, REJECT), _rule(REJECT)).missing
    assert _judged(_rule(_on("iifname", "oci*"), text), OUT, _rule(REJECT)).missing == (
        "iifname",
    )


def test_a_loop_of_jumps_ends() -> None:
    assert not _judged(_rule({"jump": {"target": "FORWARD"}})).drops


def test_present_accept_is_not_inserted_again() -> None:
    half = _judged(IN, _rule(REJECT))
    assert half.missing == ("oifname",)
    saved = _accept("iifname", XT_COMMENT)  # our rule after iptables-restore
    assert _judged(saved, OUT, _rule(REJECT)).missing == ()
    other = _rule(_on("iifname", "oci1*"), {"accept": None})
    assert _judged(other, OUT, _rule(REJECT)).missing == ("iifname",)


def test_commands_touch_nothing_but_our_own_rules() -> None:
    established = _rule(ESTABLISHED, {"accept": None}, handle=3)
    commands = additions(_judged(established, _rule(REJECT, handle=4)), "oci")
    for direction, command in zip(("iifname", "oifname"), commands, strict=True):
        rule = command["insert"]["rule"]
        assert rule["handle"] == 4
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


def test_accept_stands_behind_chains_before_the_drop() -> None:
    """For example, the accept stands behind a network policy's chain."""
    policy = _rule(XT_COMMENT, COUNTER, {"jump": {"target": "cali"}}, handle=1)
    zones = _rule({"jump": {"target": "zones"}}, handle=2)
    chains = {
        "cali": [_rule(_on("iifname", "cali1"), {"drop": None}, handle=11)],
        "zones": [_rule(REJECT, handle=12)],
    }
    cali, inner = chains["cali"], chains["zones"]
    judged = _judged(policy, zones, _rule(REJECT, handle=3), cali=cali, zones=inner)
    assert judged.drops_at == 2
    by_policy = _judged(policy, policy="drop", cali=chains["cali"])
    assert by_policy.drops_at is None
    assert [list(c) for c in additions(by_policy, "oci")] == [["add"], ["add"]]


def test_legacy_accepts_stand_before_the_rule_that_drops() -> None:
    rules = [
        "-P FORWARD ACCEPT",
        "-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT",
        "-A FORWARD -j REJECT --reject-with icmp-host-prohibited",
    ]
    assert legacy_iptables.missing_accepts(rules, "oci") == ("-i", "-o")
    added = legacy_iptables.addition(rules, "-i", "oci")
    comment = "-m comment --comment vcnd"
    assert " ".join(added) == f"-I FORWARD 2 -i oci+ {comment} -j ACCEPT"
    accepts = [f"-A FORWARD {o} oci+ -j ACCEPT" for o in ("-i", "-o")]
    assert legacy_iptables.missing_accepts([*rules, *accepts], "oci") != ()
    done = [rules[0], *accepts, *rules[1:]]
    assert legacy_iptables.missing_accepts(done, "oci") == ()
    dropping = ["-P FORWARD DROP"]
    assert legacy_iptables.addition(dropping, "-o", "oci")[:2] == ["-A", "FORWARD"]
    assert legacy_iptables.missing_accepts(["-P FORWARD ACCEPT"], "oci") == ()


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


def test_a_chain_that_many_rules_jump_to_is_judged_once() -> None:
    asked = list[str]()

    def rules(name: str) -> list[dict[str, Any]]:
        asked.append(name)
        level = 0 if name == "FORWARD" else int(name)
        jump = _rule({"jump": {"target": str(level + 1)}}, handle=level)
        return [jump] * 9 if level < 9 else []

    assert not judge(FORWARD, "accept", rules, "oci").drops
    assert len(asked) < 20


def test_a_chain_behind_another_way_decides_all_the_same() -> None:
    first, second = _rule({"jump": {"target": "a"}}), _rule({"jump": {"target": "b"}})
    found = _judged(
        first,
        _rule({"jump": {"target": "b"}}, handle=7),
        a=[_rule(ESTABLISHED, {"drop": None}), second],
        b=[_rule(ESTABLISHED, {"drop": None}), _rule(COUNTER, REJECT)],
    )
    assert found.drops
    assert found.drops_at == first["handle"]
    assert found.visited == {"FORWARD", "a", "b"}
