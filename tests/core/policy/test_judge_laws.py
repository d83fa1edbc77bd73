"""Laws that hold for all policies and packets."""

from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.policy import strategies
from tests.core.policy.questions import (
    Question,
    allowed,
    decisions,
    judge_all,
    outcomes,
    questions,
    with_policies,
    with_rules,
    without_tier,
)
from vcnd.core.policy.judge import Ground, Judge, judge
from vcnd.model.policy import (
    EVERYTHING,
    Block,
    Direction,
    Operator,
    Peer,
    Pods,
    Policy,
    PolicyRef,
    Port,
    PortRange,
    Protocol,
    Requirement,
    Rule,
    Selector,
    Tier,
)

pytestmark = pytest.mark.slow

NOBODY = Selector(
    frozenset(
        {
            Requirement("app", Operator.EXISTS),
            Requirement("app", Operator.DOES_NOT_EXIST),
        }
    )
)


DENYING = {Ground.ISOLATED, Ground.HELD}
"""Grounds that never allow; all namespaces of the examples are known."""


def test_examples_reach_every_ground() -> None:
    reached: set[tuple[Direction, bool, Ground, bool]] = set()

    @settings(max_examples=300)
    @given(questions())
    def gather(question: Question) -> None:
        for d in decisions(*question):
            reached.add((d.direction, d.allowed, d.ground, bool(d.passed)))

    gather()
    for direction in Direction:
        assert {(a, ground) for way, a, ground, _ in reached if way is direction} == {
            *((True, ground) for ground in Ground if ground not in DENYING),
            (False, Ground.RULE),
            (False, Ground.ISOLATED),
        }
    after_pass = {ground for _, _, ground, passed in reached if passed}
    assert {Ground.RULE, Ground.NOTHING} <= after_pass


@given(questions())
def test_each_end_that_is_a_pod_has_one_decision(question: Question) -> None:
    cluster, packets = question
    names = {a: f"{p.namespace}/{p.name}" for p in cluster.pods for a in p.addresses}
    for packet in packets:
        verdict = judge(cluster, packet)
        expected = [
            (direction, names[end])
            for direction, end in (
                (Direction.EGRESS, packet.source),
                (Direction.INGRESS, packet.destination),
            )
            if end in names
        ]
        assert [(d.direction, d.pod) for d in verdict.decisions] == expected
        assert verdict.allowed == all(d.allowed for d in verdict.decisions)


@given(questions())
def test_decision_has_what_its_ground_promises(question: Question) -> None:
    for decision in decisions(*question):
        assert (decision.rule is not None) == (decision.ground is Ground.RULE)
        assert bool(decision.isolating) == (decision.ground is Ground.ISOLATED)
        assert decision.allowed or decision.ground in (Ground.RULE, Ground.ISOLATED)


@given(questions(), st.randoms(use_true_random=False))
def test_order_of_policies_and_pods_changes_nothing(
    question: Question, random: Random
) -> None:
    cluster, packets = question
    policies, pods = list(cluster.policies), list(cluster.pods)
    random.shuffle(policies)
    random.shuffle(pods)
    shuffled = replace(cluster, policies=tuple(policies), pods=tuple(pods))
    assert judge_all(shuffled, packets) == judge_all(cluster, packets)


@given(questions(), strategies.rules(Tier.NAMESPACE), st.data())
def test_added_rule_of_networkpolicy_never_denies(
    question: Question, rule: Rule, data: st.DataObject
) -> None:
    cluster, packets = question
    changed = list(cluster.policies)
    for number, policy in enumerate(changed):
        if policy.ref.tier is Tier.NAMESPACE:
            ingress, egress = policy.ingress, policy.egress
            if ingress is not None and data.draw(st.booleans()):
                ingress = (*ingress, rule)
            if egress is not None:
                egress = (rule, *egress)
            changed[number] = replace(policy, ingress=ingress, egress=egress)
    widened = replace(cluster, policies=tuple(changed))
    assert allowed(cluster, packets) <= allowed(widened, packets)


@given(questions(), strategies.policies("new", Tier.NAMESPACE))
def test_networkpolicy_never_allows_more_by_isolation_alone(
    question: Question, policy: Policy
) -> None:
    cluster, packets = question
    cluster = without_tier(cluster, Tier.NAMESPACE, Tier.BASELINE)
    isolated = with_policies(cluster, policy)
    assert allowed(isolated, packets) <= allowed(cluster, packets)


@given(questions(), strategies.policies("new"), st.sampled_from(["ns", "pods"]))
def test_policy_that_selects_nothing_changes_nothing(
    question: Question, policy: Policy, how: str
) -> None:
    cluster, packets = question
    nobody = Pods(pods=NOBODY) if how == "pods" else Pods(namespace="nowhere")
    with_one = with_policies(cluster, replace(policy, subject=nobody))
    assert judge_all(with_one, packets) == judge_all(cluster, packets)


@given(questions(), strategies.policies("new"))
def test_policy_without_a_direction_changes_nothing(
    question: Question, policy: Policy
) -> None:
    cluster, packets = question
    silent = replace(policy, ingress=None, egress=None)
    assert judge_all(with_policies(cluster, silent), packets) == judge_all(
        cluster, packets
    )


@given(questions())
def test_selector_of_everything_equals_the_list_of_namespaces(
    question: Question,
) -> None:
    cluster, packets = question

    def named(peer: Peer) -> tuple[Peer, ...]:
        if not isinstance(peer, Pods) or peer.namespace:
            return (peer,)
        if peer.namespaces != EVERYTHING:
            return (peer,)
        return tuple(
            Pods(namespace=name, pods=peer.pods) for name in cluster.namespaces
        )

    def expanded(rule: Rule) -> tuple[Rule, ...]:
        if rule.peers is None:
            return (rule,)
        peers = tuple(p for peer in rule.peers for p in named(peer))
        return (replace(rule, peers=peers),)

    assert judge_all(with_rules(cluster, expanded), packets) == judge_all(
        cluster, packets
    )


@given(questions())
def test_rule_equals_its_pairs_of_peer_and_port(question: Question) -> None:
    cluster, packets = question

    def split(rule: Rule) -> tuple[Rule, ...]:
        peers: list[tuple[Peer, ...] | None] = [None]
        ports: list[tuple[Port, ...] | None] = [None]
        if rule.peers is not None:
            peers = [(peer,) for peer in rule.peers]
        if rule.ports is not None:
            ports = [(port,) for port in rule.ports]
        return tuple(
            replace(rule, peers=some, ports=one) for some, one in product(peers, ports)
        )

    after = judge_all(with_rules(cluster, split), packets)
    assert outcomes(after) == outcomes(judge_all(cluster, packets))


@given(questions())
def test_all_peers_are_all_addresses(question: Question) -> None:
    cluster, packets = question
    addresses = Block(network="0.0.0.0/0"), Block(network="::/0")

    def spelt_out(rule: Rule) -> tuple[Rule, ...]:
        return (replace(rule, peers=addresses) if rule.peers is None else rule,)

    assert judge_all(with_rules(cluster, spelt_out), packets) == judge_all(
        cluster, packets
    )


@given(questions())
def test_all_ports_are_those_of_all_protocols(question: Question) -> None:
    cluster, packets = question
    packets = [packet for packet in packets if packet.protocol is not None]
    ports = tuple(PortRange(protocol=protocol) for protocol in Protocol)

    def spelt_out(rule: Rule) -> tuple[Rule, ...]:
        return (replace(rule, ports=ports) if rule.ports is None else rule,)

    assert judge_all(with_rules(cluster, spelt_out), packets) == judge_all(
        cluster, packets
    )


@given(questions())
def test_directions_are_judged_apart(question: Question) -> None:
    cluster, packets = question
    halves = tuple(
        replace(policy, ref=replace(policy.ref, name=f"{policy.ref.name}-{n}"), **half)
        for policy in cluster.policies
        for n, half in enumerate(({"ingress": None}, {"egress": None}))
    )
    after = judge_all(replace(cluster, policies=halves), packets)
    assert outcomes(after) == outcomes(judge_all(cluster, packets))


@given(questions())
def test_networkpolicies_of_one_subject_equal_one(question: Question) -> None:
    cluster, packets = question
    halves = tuple(
        replace(policy, ref=replace(policy.ref, name=f"{policy.ref.name}-{n}"), **half)
        for policy in cluster.policies
        if policy.ref.tier is Tier.NAMESPACE
        for n, half in enumerate(
            (
                {"ingress": policy.ingress and policy.ingress[:1]},
                {"ingress": policy.ingress and policy.ingress[1:]},
            )
        )
    )
    others = without_tier(cluster, Tier.NAMESPACE)
    after = judge_all(with_policies(others, *halves), packets)
    assert outcomes(after) == outcomes(judge_all(cluster, packets))


@given(questions())
def test_policies_elsewhere_and_later_change_nothing(question: Question) -> None:
    cluster, packets = question
    named: set[PolicyRef] = set()
    for decision in decisions(cluster, packets):
        rules = decision.passed + ((decision.rule,) if decision.rule else ())
        named |= {*decision.isolating, *(rule.policy for rule in rules)}
    left = tuple(policy for policy in cluster.policies if policy.ref in named)
    verdicts = judge_all(cluster, packets)
    assert judge_all(replace(cluster, policies=left), packets) == verdicts


@given(questions())
def test_many_packets_are_judged_as_each_alone(question: Question) -> None:
    cluster, packets = question
    together = Judge(cluster)
    assert [together.verdict(p) for p in packets * 2] == judge_all(cluster, packets) * 2
