"""What is shown of pods and of connections."""

from collections.abc import Sequence

import pytest

from tests.core.policy.example import (
    NAMESPACES,
    NODES,
    PODS,
    cluster_policy,
    labelled,
    network_policy,
    port,
)
from vcnd.core.policy.judge import Judge
from vcnd.core.policy.show import compare, sides, way
from vcnd.model.policy import Cluster, Direction, Packet, Policy, Protocol, Rule, Tier
from vcnd.model.policy_answers import KernelCheck, Ruling, SideExplained

INGRESS, EGRESS = Direction.INGRESS, Direction.EGRESS
WEB, DB, TILL = "10.0.0.1", "10.0.0.2", "10.0.0.3"
PACKET = Packet(source=WEB, destination=DB, protocol=Protocol.TCP, port=80)
CLOSED = network_policy(name="closed", ingress=(), pods=labelled("app", "db"))


def judge_of(*policies: Policy) -> Judge:
    return Judge(
        Cluster(namespaces=NAMESPACES, pods=PODS, policies=policies, nodes=NODES)
    )


def test_policies_of_a_pod_are_shown_in_the_order_of_asking() -> None:
    judge = judge_of(
        CLOSED,
        network_policy(name="all", ingress=(Rule(ports=(port(80),)),)),
        cluster_policy(Tier.BASELINE, name="base", ingress=(Rule(),)),
        cluster_policy(Tier.ADMIN, name="late", ingress=(Rule(),), priority=9),
        cluster_policy(Tier.ADMIN, name="early", ingress=(Rule(),), priority=1),
        cluster_policy(Tier.ADMIN, name="other way", egress=(Rule(),)),
    )
    web, db = PODS[:2]
    shown = way(judge, db, INGRESS)
    assert shown.isolated
    assert [(x.policy, x.priority) for x in shown.policies] == [
        ("early", 1),
        ("late", 9),
        ("shop/all", None),
        ("shop/closed", None),
        ("base", 0),
    ]
    assert shown.policies[2].rules == ("allows TCP 80 from anywhere",)
    assert shown.policies[3].rules == ()
    assert not way(judge, web, EGRESS).isolated


def test_a_held_pod_is_denied_whatever_policies_say() -> None:
    verdict = judge_of().verdict(PACKET)
    egress, ingress = sides(PACKET, verdict, {DB: ("shop/db", "it is new")})
    assert (egress.allowed, egress.ground) == (True, "nothing")
    assert (ingress.allowed, ingress.ground) == (False, "held")
    assert ingress.sentences == (
        "Pod shop/db is held, so all its packets are dropped: it is new.",
    )


def test_an_unknown_pod_is_open_where_policies_are_not_strict() -> None:
    unknown = {DB: ("shop/db", "it is new")}
    verdict = judge_of(CLOSED).verdict(PACKET)
    _, ingress = sides(PACKET, verdict, unknown, strict=False)
    assert (ingress.allowed, ingress.ground) == (True, "ajar")
    assert "is open until it is known" in ingress.sentences[0]


def ruling(chain: str, *, allowed: bool, handle: int = 7) -> Ruling:
    return Ruling(chain=chain, allowed=allowed, path=(chain, "x"), handle=handle)


def checked(
    found: Sequence[SideExplained], rulings: Sequence[Ruling], *here: Direction
) -> KernelCheck:
    return compare(found, {x: x in here for x in Direction}, rulings)


@pytest.mark.parametrize("egress", [True, False])
@pytest.mark.parametrize("ingress", [True, False])
def test_kernel_agrees_if_both_sides_do(*, egress: bool, ingress: bool) -> None:
    found = sides(PACKET, judge_of(CLOSED).verdict(PACKET), {})
    rulings = [
        ruling("egress_side", allowed=egress),
        ruling("ingress_side", allowed=ingress),
    ]
    check = checked(found, rulings, INGRESS, EGRESS)
    assert check.agrees is (egress and not ingress)
    assert len(check.differences) == (not egress) + ingress


def test_a_side_of_another_node_has_to_pass() -> None:
    """What policies say about it is that node's to enforce."""
    found = sides(PACKET, judge_of(CLOSED).verdict(PACKET), {})
    passes = [ruling("egress_side", allowed=True), ruling("ingress_side", allowed=True)]
    assert checked(found, passes, EGRESS).agrees
    drops = [passes[0], ruling("ingress_side", allowed=False)]
    (why,) = checked(found, drops, EGRESS).differences
    assert "no policy does" in why


def test_differences_name_chain_and_rule() -> None:
    found = sides(PACKET, judge_of().verdict(PACKET), {})
    rulings = [
        ruling("egress_side", allowed=False),
        ruling("ingress_side", allowed=False, handle=0),
        ruling("by_hand", allowed=False),
    ]
    first, second, third = checked(found, rulings, EGRESS, INGRESS).differences
    assert first == (
        "Policies allow egress of pod shop/web, and the kernel drops it:"
        " egress_side > x, the rule with handle 7."
    )
    assert "the policy of chain x" in second
    assert "no policy does: by_hand > x" in third


def test_a_table_that_is_gone_differs() -> None:
    found = sides(PACKET, judge_of(CLOSED).verdict(PACKET), {})
    (why,) = checked(found, [], INGRESS).differences
    assert "chain ingress_side is not there" in why


def test_a_guard_that_drops_what_policies_allow_differs() -> None:
    found = sides(PACKET, judge_of().verdict(PACKET), {})
    guard = Ruling(table="g", chain="guard", allowed=False, path=("guard",), handle=1)
    rulings = [
        ruling("egress_side", allowed=True),
        ruling("ingress_side", allowed=True),
    ]
    (why,) = checked(found, [*rulings, guard], INGRESS, EGRESS).differences
    assert "no policy does: table g: guard" in why


def test_of_many_policies_some_are_shown() -> None:
    many = [network_policy(name=f"{n:03}", ingress=()) for n in range(500)]
    shown = way(judge_of(*many), PODS[0], INGRESS)
    assert (len(shown.policies), shown.left_out) == (50, 450)
