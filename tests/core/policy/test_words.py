"""Policies in words."""

import pytest

from tests.core.policy.example import labelled, named, network_policy, port
from vcnd.core.policy.words import (
    policy_names,
    rule_words,
    rules_of,
    selector_words,
)
from vcnd.model.policy import (
    Action,
    Block,
    Direction,
    Operator,
    Pods,
    PortRange,
    Protocol,
    Requirement,
    Rule,
    Selector,
)

WEB = labelled("app", "web")
UDP = PortRange(protocol=Protocol.UDP, first=53, last=53)
HOLE = Block(network="10.0.0.0/8", excepted=("10.1.0.0/16", "10.2.0.0/16"))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule(), "allows everything from anywhere"),
        (Rule(peers=()), "allows everything from nowhere"),
        (Rule(ports=()), "allows nothing from anywhere"),
        (
            Rule(ports=(port(80), port(443), UDP, port(8000, 8080))),
            "allows TCP 80, 443, UDP 53, TCP 8000-8080 from anywhere",
        ),
        (
            Rule(ports=(PortRange(protocol=Protocol.SCTP), port(80))),
            "allows SCTP, TCP 80 from anywhere",
        ),
        (
            Rule(ports=(named("http"), named("dns", None), named("x\x1b"))),
            "allows TCP 'http', port 'dns', TCP 'x\\x1b' from anywhere",
        ),
        (
            Rule(peers=(Pods(namespace="shop"), HOLE)),
            "allows everything from all pods of namespace shop; or 10.0.0.0/8 except"
            " 10.1.0.0/16, 10.2.0.0/16",
        ),
        (
            Rule(peers=(Pods(pods=WEB), Pods(namespaces=labelled("team", "a")))),
            "allows everything from pods app=web of all namespaces; or all pods of"
            " namespaces team=a",
        ),
        (
            Rule(action=Action.DENY, name="no\n", ports=(port(22),)),
            "'no\\n' denies TCP 22 from anywhere",
        ),
        (Rule(action=Action.PASS), "passes on everything from anywhere"),
    ],
)
def test_rule_is_told_in_words(rule: Rule, words: str) -> None:
    assert rule_words(rule, Direction.INGRESS) == words
    assert rule_words(rule, Direction.EGRESS) == words.replace(" from ", " to ")


def test_selector_is_told_as_kubectl_takes_it() -> None:
    found = Selector(
        frozenset(
            [
                Requirement("e", Operator.IN, frozenset("xy")),
                Requirement("d", Operator.NOT_IN, frozenset("xy")),
                Requirement("c", Operator.NOT_IN, frozenset("x")),
                Requirement("b", Operator.DOES_NOT_EXIST),
                Requirement("a", Operator.EXISTS),
            ]
        )
    )
    assert selector_words(found) == "a,!b,c!=x,d notin (x, y),e in (x, y)"
    assert selector_words(Selector()) == "(all)"


def test_rules_of_one_direction_are_told_in_their_order() -> None:
    policy = network_policy(ingress=(Rule(ports=(port(1),)), Rule()))
    assert rules_of(policy, Direction.INGRESS) == (
        "allows TCP 1 from anywhere",
        "allows everything from anywhere",
    )
    assert rules_of(policy, Direction.EGRESS) == ()


def test_of_many_parts_some_are_told_and_the_others_counted() -> None:
    many = tuple(range(1, 1001))
    ports = Rule(ports=tuple(map(port, many)))
    words = rule_words(ports, Direction.INGRESS)
    assert words.startswith("allows TCP 1, 2, 3, ")
    assert words.endswith(", 20, and 980 more from anywhere")
    peers = Rule(peers=tuple(Pods(namespace=f"n{n}") for n in many))
    words = rule_words(peers, Direction.INGRESS)
    assert words.endswith("of namespace n20; and 980 more")
    rules = rules_of(network_policy(ingress=(ports,) * 1000), Direction.INGRESS)
    assert (len(rules), rules[-1]) == (101, "and 900 more")
    names = policy_names([network_policy(name=str(n)).ref for n in many])
    assert (len(names), names[-1]) == (21, "and 980 more")
