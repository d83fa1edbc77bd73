"""What the rules of a listed table do with a packet.

``integration/tests/test_policy_verdict.py`` compares it with the kernel.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from vcnd.linux.nft_listed import (
    ListedChain,
    ListedRule,
    ListedTable,
    Members,
    UnreadableError,
)
from vcnd.linux.nft_verdict import Forwarded, rulings
from vcnd.model.policy import Packet, Protocol
from vcnd.model.policy_answers import Ruling

TCP = Packet(
    source="10.0.0.2", destination="10.0.0.1", protocol=Protocol.TCP, port=8080
)
ECHO = Packet(source="fd00::2", destination="fd00::1")
ACCEPT: Any = {"accept": None}
DROP: Any = {"drop": None}
RETURN: Any = {"return": None}


def match(left: Any, right: Any, op: str = "==") -> Any:
    return {"match": {"op": op, "left": left, "right": right}}


def meta(key: str) -> Any:
    return {"meta": {"key": key}}


def header(protocol: str, field: str) -> Any:
    return {"payload": {"protocol": protocol, "field": field}}


def jump(name: str, kind: str = "jump") -> Any:
    return {kind: {"target": name}}


def chain(name: str, *rules: list[Any], **more: Any) -> ListedChain:
    numbered = [ListedRule(n, rule) for n, rule in enumerate(rules, 1)]
    return ListedChain(name=name, rules=numbered, **more)


def decide(*chains: ListedChain, packet: Packet = TCP, **sets: list[Any]) -> Ruling:
    """Return the ruling of the first chain, which stands at the hook."""
    first = replace(chains[0], hook="forward")
    table = ListedTable(
        chains={c.name: c for c in (first, *chains[1:])},
        members={name: Members(elements) for name, elements in sets.items()},
    )
    (found,) = rulings(
        [table],
        Forwarded(packet=packet, iifname="oci2", oifname="oci1"),
    )
    return found


def test_chains_at_the_hook_rule_in_the_order_of_priority() -> None:
    chains = {
        "late": chain("late", [DROP], hook="forward", priority=-4),
        "early": chain("early", [ACCEPT], hook="forward", priority=-5),
        "elsewhere": chain("elsewhere", [DROP], hook="input"),
    }
    packet = Forwarded(packet=TCP, iifname="oci2", oifname="oci1")
    found = rulings([ListedTable(chains=chains)], packet)
    assert [(r.chain, r.allowed) for r in found] == [("early", True), ("late", False)]


@pytest.mark.parametrize("policy", ["accept", "drop"])
def test_policy_decides_where_no_rule_does(policy: str) -> None:
    found = decide(chain("side", [RETURN], [DROP], policy=policy))
    assert found == Ruling(
        chain="side", allowed=policy == "accept", path=("side",), handle=0
    )


def test_jump_comes_back_and_goto_does_not() -> None:
    inner = chain("inner", [match(meta("nfproto"), "ipv6"), DROP])
    back = decide(chain("side", [jump("inner")], [DROP]), inner)
    away = decide(chain("side", [jump("inner", "goto")], [DROP]), inner)
    assert (back.path, back.handle, back.allowed) == (("side",), 2, False)
    assert (away.path, away.handle, away.allowed) == (("side",), 0, True)


def test_path_names_the_chains_that_led_to_the_rule() -> None:
    found = decide(
        chain("side", [{"vmap": {"key": meta("iifname"), "data": "@ways"}}]),
        chain("out_a", [jump("ok", "goto")], [DROP]),
        chain("ok", [ACCEPT]),
        ways=[["oci2", jump("out_a")]],
    )
    assert (found.path, found.handle) == (("side", "out_a", "ok"), 1)


@pytest.mark.parametrize(
    ("rule", "packet", "holds"),
    [
        (match(header("ip", "saddr"), "10.0.0.2"), TCP, True),
        (match(header("ip", "saddr"), "10.0.0.3", "!="), TCP, True),
        (match(header("ip", "saddr"), "@peers"), TCP, True),
        (match(header("ip", "daddr"), "@peers", "!="), TCP, True),
        # A packet of the other family, or of another protocol, has no such field.
        (match(header("ip", "saddr"), "10.0.0.3", "!="), ECHO, False),
        (match(header("th", "dport"), 80, "!="), ECHO, False),
        (match(header("udp", "dport"), 8080), TCP, False),
        (match(header("th", "dport"), {"range": [8000, 9000]}), TCP, True),
        (match(header("tcp", "dport"), 8080, "<"), TCP, False),
        (match(header("tcp", "dport"), 8080, ">="), TCP, True),
        (match(meta("l4proto"), "tcp"), TCP, True),
        (match(meta("l4proto"), 58), ECHO, True),
        (match(meta("oifname"), "oci*", "!="), TCP, False),
        (match({"ct": {"key": "direction"}}, "reply"), TCP, False),
        (match({"ct": {"key": "state"}}, ["established", "new"], "in"), TCP, True),
        (match({"&": [{"ct": {"key": "mark"}}, 65280]}, 256), TCP, False),
    ],
)
def test_rule_matches_packets_that_have_what_it_asks_for(
    rule: Any, packet: Packet, holds: bool
) -> None:
    found = decide(chain("side", [rule, DROP]), packet=packet, peers=["10.0.0.2"])
    assert found.allowed is not holds


def test_rules_see_the_mark_that_others_gave() -> None:
    mark = {"ct": {"key": "mark"}}
    give = {"mangle": {"key": mark, "value": {"|": [{"&": [mark, 255]}, 1792]}}}
    seen = match({"&": [mark, 65280]}, 1792)
    assert not decide(chain("side", [give], [seen, DROP])).allowed


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ([{"xt": None}], "xt"),
        ([match(meta("skuid"), 0), DROP], "meta skuid"),
        ([match({"fib": {"result": "type"}}, "local"), DROP], "fib"),
        ([match(header("ip", "ttl"), 1), DROP], "ip ttl"),
        ([match(header("ip", "saddr"), "@gone"), DROP], "set gone"),
        ([jump("gone")], "chain gone"),
        ([{"limit": {"rate": 1, "per": "second"}}, DROP], "rate"),
        ([jump("side")], "without end"),
        ([{"jump": {}}], "'target'"),
        ([match(meta("iifname"), {"range": ["a", "b"]}), DROP], "does not appear"),
        ([{"accept": None, "drop": None}], "too many values"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(
    rule: list[Any], what: str
) -> None:
    with pytest.raises(UnreadableError, match=what):
        decide(chain("side", rule))


def test_a_rule_that_does_not_match_needs_not_be_read() -> None:
    other = match(meta("iifname"), "ens3")
    assert decide(chain("side", [other, {"xt": None}])).allowed


def test_a_further_table_sees_only_what_was_not_dropped() -> None:
    mark = {"ct": {"key": "mark"}}
    give: Any = {"mangle": {"key": mark, "value": 7}}
    packet = Forwarded(packet=TCP, iifname="oci2", oifname="oci1")

    def ruled(*first: list[Any]) -> list[tuple[str, bool]]:
        tables = [
            ListedTable(
                name=name, chains={"c": chain("c", *rules, hook="forward", priority=n)}
            )
            for n, (name, rules) in enumerate(
                [("rules", first), ("guard", [[match(mark, 7), ACCEPT], [DROP]])]
            )
        ]
        return [(r.table, r.allowed) for r in rulings(tables, packet)]

    assert ruled([give], [ACCEPT]) == [("rules", True), ("guard", True)]
    assert ruled([ACCEPT]) == [("rules", True), ("guard", False)]
    assert ruled([DROP]) == [("rules", False)]
