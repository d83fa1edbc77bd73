"""ClusterNetworkPolicy: tiers, priorities, and what Accept, Deny and Pass do."""

import pytest

from tests.core.policy.example import (
    all_from,
    all_to,
    ask,
    cluster_policy,
    denied,
    labelled,
    named,
    network_policy,
    port,
)
from vcnd.core.policy.judge import Decision, Ground, RuleRef
from vcnd.model.policy import (
    Action,
    Block,
    Direction,
    Pods,
    Policy,
    PortRange,
    Protocol,
    Rule,
    Tier,
)

ADMIN, BASELINE = Tier.ADMIN, Tier.BASELINE
ACCEPT = Rule(action=Action.ACCEPT)
DENY = Rule(action=Action.DENY)
PASS = Rule(action=Action.PASS)
BANK = Pods(namespaces=labelled("team", "bank"))
ACCEPT_BANK = Rule(action=Action.ACCEPT, peers=(BANK,))
DENY_BANK = Rule(action=Action.DENY, peers=(BANK,))
PASS_BANK = Rule(action=Action.PASS, peers=(BANK,))
DENY_PODS = Rule(action=Action.DENY, peers=(Pods(),))
PASS_PODS = Rule(action=Action.PASS, peers=(Pods(),))
DENY_NETWORKS = Rule(action=Action.DENY, peers=(Block(network="0.0.0.0/0"),))
SHOP = Pods(namespaces=labelled("team", "shop"))
ISOLATED = network_policy(name="isolated", ingress=())
OPEN = network_policy(name="open", ingress=(Rule(),))
INTO_SHOP = all_to("web", "db")
BANK_INTO_SHOP = {"till>web", "till>db"}


def to_shop(tier: Tier, *rules: Rule, name: str = "rules", priority: int = 0) -> Policy:
    """Return a policy of a tier about the ingress of shop."""
    return cluster_policy(
        tier, subject=SHOP, ingress=rules, name=name, priority=priority
    )


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        pytest.param((to_shop(ADMIN),), set(), id="no rules"),
        pytest.param((to_shop(ADMIN, ACCEPT_BANK),), set(), id="no isolation"),
        pytest.param((to_shop(ADMIN, DENY),), INTO_SHOP, id="admin denies"),
        pytest.param((to_shop(ADMIN, DENY), OPEN), INTO_SHOP, id="admin beats open"),
        pytest.param((to_shop(ADMIN, ACCEPT), ISOLATED), set(), id="admin accepts"),
        pytest.param(
            (to_shop(ADMIN, ACCEPT_BANK), ISOLATED),
            INTO_SHOP - BANK_INTO_SHOP,
            id="admin accepts some",
        ),
        pytest.param(
            (to_shop(ADMIN, ACCEPT), to_shop(BASELINE, DENY)), set(), id="accept ends"
        ),
        pytest.param(
            (to_shop(ADMIN, ACCEPT_BANK, DENY),),
            INTO_SHOP - BANK_INTO_SHOP,
            id="first rule that matches",
        ),
        pytest.param((to_shop(ADMIN, DENY, ACCEPT_BANK),), INTO_SHOP, id="position"),
        pytest.param((to_shop(ADMIN, PASS, DENY),), set(), id="pass to the default"),
        pytest.param(
            (to_shop(ADMIN, PASS, ACCEPT), ISOLATED), INTO_SHOP, id="pass to isolated"
        ),
        pytest.param(
            (to_shop(ADMIN, PASS, ACCEPT), to_shop(BASELINE, DENY)),
            INTO_SHOP,
            id="pass to the baseline",
        ),
        pytest.param(
            (to_shop(ADMIN, PASS_BANK, DENY), to_shop(ADMIN, DENY, priority=9)),
            INTO_SHOP - BANK_INTO_SHOP,
            id="pass leaves out the whole tier",
        ),
        pytest.param((to_shop(BASELINE, DENY),), INTO_SHOP, id="baseline denies"),
        pytest.param((to_shop(BASELINE, DENY), OPEN), set(), id="open beats baseline"),
        pytest.param(
            (to_shop(BASELINE, ACCEPT), ISOLATED), INTO_SHOP, id="isolated beats it"
        ),
        pytest.param(
            (to_shop(BASELINE, DENY), network_policy(egress=(Rule(),))),
            INTO_SHOP,
            id="isolated in the other direction",
        ),
        pytest.param(
            (
                to_shop(BASELINE, DENY),
                network_policy(pods=labelled("app", "db"), ingress=(Rule(),)),
            ),
            all_to("web"),
            id="baseline for pods without policy",
        ),
        pytest.param((to_shop(BASELINE, PASS, DENY),), set(), id="baseline passes"),
        pytest.param(
            (
                to_shop(ADMIN, DENY, name="a", priority=2),
                to_shop(ADMIN, ACCEPT_BANK, name="b", priority=1),
            ),
            INTO_SHOP - BANK_INTO_SHOP,
            id="least priority first",
        ),
        pytest.param(
            (
                to_shop(ADMIN, DENY, name="b", priority=1),
                to_shop(ADMIN, ACCEPT_BANK, name="a", priority=1),
            ),
            INTO_SHOP - BANK_INTO_SHOP,
            id="name where priorities are equal",
        ),
        pytest.param(
            (
                to_shop(BASELINE, DENY, name="a", priority=20),
                to_shop(BASELINE, ACCEPT_BANK, name="b", priority=3),
            ),
            INTO_SHOP - BANK_INTO_SHOP,
            id="priority in the baseline",
        ),
        pytest.param(
            (
                to_shop(BASELINE, ACCEPT, priority=0),
                to_shop(ADMIN, DENY, priority=1000),
            ),
            INTO_SHOP,
            id="tier before priority",
        ),
        pytest.param(
            (cluster_policy(ADMIN, ingress=(DENY_PODS,)),),
            all_to("web", "db", "till", "dns") - all_from("near", "far"),
            id="pods are not networks",
        ),
        pytest.param(
            (cluster_policy(ADMIN, subject=SHOP, egress=(DENY_NETWORKS,)),),
            all_from("web", "db"),
            id="networks are pods too",
        ),
        pytest.param(
            (cluster_policy(ADMIN, subject=SHOP, egress=(PASS_PODS, DENY_NETWORKS)),),
            {f"{pod}>{end}" for pod in ("web", "db") for end in ("near", "far")},
            id="pods pass before networks",
        ),
        pytest.param(
            (
                to_shop(ADMIN, ACCEPT),
                cluster_policy(ADMIN, name="b", subject=BANK, egress=(DENY,)),
            ),
            all_from("till"),
            id="both ends have to allow",
        ),
    ],
)
def test_tiers_deny(policies: tuple[Policy, ...], expected: set[str]) -> None:
    assert denied(*policies) == expected


def test_ports_narrow_a_denial() -> None:
    rule = Rule(action=Action.DENY, ports=(port(80), named("http", None)))
    policy = to_shop(ADMIN, rule)
    assert denied(policy, port=80) == INTO_SHOP
    assert denied(policy, port=8080) == all_to("db")
    assert denied(policy, port=443) == set()
    assert denied(policy, protocol=Protocol.UDP, port=80) == set()
    assert denied(policy, protocol=None, port=0) == set()


def test_rule_without_ports_denies_traffic_without_ports() -> None:
    every_port = Rule(
        action=Action.DENY, ports=tuple(PortRange(protocol=p) for p in Protocol)
    )
    assert denied(to_shop(ADMIN, DENY_BANK), protocol=None, port=0) == BANK_INTO_SHOP
    assert denied(to_shop(ADMIN, every_port), protocol=None, port=0) == set()


@pytest.mark.parametrize("source", ["10.0.0.1", "10.1.0.1"])
def test_admin_cannot_deny_the_pod_itself_and_its_node(source: str) -> None:
    assert ask(to_shop(ADMIN, DENY), source=source, destination="10.0.0.1").allowed


def test_decision_names_the_rules_that_passed() -> None:
    admin = to_shop(ADMIN, DENY_PODS, PASS, name="admin")
    baseline = to_shop(BASELINE, Rule(action=Action.PASS, name="all"), name="base")
    verdict = ask(admin, baseline, source="192.0.2.7", destination="10.0.0.1")
    assert verdict.decisions == (
        Decision(
            direction=Direction.INGRESS,
            pod="shop/web",
            allowed=True,
            ground=Ground.NOTHING,
            passed=(
                RuleRef(policy=admin.ref, index=1),
                RuleRef(policy=baseline.ref, index=0, name="all"),
            ),
        ),
    )


def test_decision_names_the_rule_that_denies() -> None:
    policies = to_shop(ADMIN, PASS, name="admin"), to_shop(BASELINE, DENY, name="base")
    verdict = ask(*policies, source="192.0.2.7", destination="10.0.0.1")
    assert not verdict.allowed
    (decision,) = verdict.decisions
    assert decision.ground is Ground.RULE
    assert decision.rule == RuleRef(policy=policies[1].ref, index=0)
    assert decision.passed == (RuleRef(policy=policies[0].ref, index=0),)
