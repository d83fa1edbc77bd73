"""Pods of which not all is known yet: nothing is let through on a guess."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from sim.policy.judging import accepts
from tests.core.policy.test_compared import link_of
from vcnd.core.policy.compiler import compile_rules
from vcnd.core.policy.judge import Ground, judge
from vcnd.core.policy.rule_set import HOLD
from vcnd.model.policy import (
    EVERYTHING,
    Action,
    Cluster,
    Operator,
    Packet,
    Pods,
    Policy,
    PolicyPod,
    PolicyRef,
    Protocol,
    Requirement,
    Rule,
    Selector,
    Tier,
)

ACCEPT, DENY, PASS = Action.ACCEPT, Action.DENY, Action.PASS


def pod(namespace: str, number: int, **labels: str) -> PolicyPod:
    return PolicyPod(
        namespace=namespace,
        name=f"pod{number}",
        labels=labels,
        addresses=(f"10.0.0.{number}",),
        uid=f"uid-{number}",
    )


def selector(operator: Operator) -> Selector:
    values = frozenset({"a"} if operator in (Operator.IN, Operator.NOT_IN) else ())
    return Selector(frozenset({Requirement("team", operator, values)}))


HERE = pod("here", 1, app="web")
PEER = pod("late", 2, app="db")
FROM_PEER = Packet(
    source="10.0.0.2", destination="10.0.0.1", protocol=Protocol.TCP, port=80
)
SELECTORS = [selector(operator) for operator in Operator]
DB = Selector(frozenset({Requirement("app", Operator.IN, frozenset({"db"}))}))
WEB = Selector(frozenset({Requirement("app", Operator.IN, frozenset({"web"}))}))


def policy(*rules: Rule, tier: Tier, name: str = "p") -> Policy:
    namespace = "here" if tier is Tier.NAMESPACE else ""
    return Policy(
        ref=PolicyRef(tier, namespace, name),
        subject=Pods(namespace="here"),
        ingress=rules,
    )


def verdicts(policies: Sequence[Policy]) -> set[bool]:
    """Return what the judge and the rules of the node say of the pod here."""
    cluster = Cluster(
        namespaces={"here": {}}, pods=(HERE, PEER), policies=tuple(policies)
    )
    here = [link_of(HERE)]
    rules = compile_rules(cluster, here)
    (decision,) = (d for d in judge(cluster, FROM_PEER).decisions if "here" in d.pod)
    return {decision.allowed, accepts(rules, here, FROM_PEER)}


@pytest.mark.parametrize("namespaces", SELECTORS)
@pytest.mark.parametrize("tier", [Tier.ADMIN, Tier.BASELINE])
def test_a_rule_that_may_deny_a_pod_denies_it(tier: Tier, namespaces: Selector) -> None:
    """Its namespace is not known, so it may have any labels."""
    for action in (DENY, PASS):
        peers = (Pods(namespaces=namespaces, pods=DB),)
        made = [policy(Rule(peers=peers, action=action), tier=tier)]
        assert verdicts(made) == {False}
        others = (Pods(namespaces=namespaces, pods=WEB),)
        made = [policy(Rule(peers=others, action=action), tier=tier)]
        assert verdicts(made) == {True}


@pytest.mark.parametrize("namespaces", SELECTORS)
@pytest.mark.parametrize("tier", list(Tier))
def test_a_rule_that_may_accept_a_pod_does_not(
    tier: Tier, namespaces: Selector
) -> None:
    peers = (Pods(namespaces=namespaces),)
    deny = policy(Rule(action=DENY), tier=tier, name="q")
    made = [policy(Rule(peers=peers), tier=tier)]
    assert verdicts(made if tier is Tier.NAMESPACE else [*made, deny]) == {False}


def test_a_rule_about_all_namespaces_is_sure() -> None:
    peers = (Pods(namespaces=EVERYTHING, pods=DB),)
    assert verdicts([policy(Rule(peers=peers), tier=Tier.NAMESPACE)]) == {True}
    rules = Rule(peers=peers, action=PASS), Rule(action=DENY)
    assert verdicts([policy(*rules, tier=Tier.ADMIN)]) == {True}


def test_one_peer_that_is_sure_is_enough() -> None:
    """The rule passes the pod on, though another of its peers may match too."""
    unsure, sure = Pods(namespaces=SELECTORS[0]), Pods(pods=DB)
    for peers in ((unsure, sure), (sure, unsure)):
        made = [policy(Rule(peers=peers, action=PASS), tier=Tier.ADMIN)]
        assert verdicts(made) == {True}


def test_a_pod_here_is_closed_while_its_namespace_is_unknown() -> None:
    cluster = Cluster(namespaces={}, pods=(HERE, PEER))
    assert compile_rules(cluster, [link_of(HERE)]).ingress == {"10.0.0.1": HOLD}
    _, decision = judge(cluster, FROM_PEER).decisions
    assert decision.pod == "here/pod1"
    assert (decision.allowed, decision.ground) == (False, Ground.HELD)


def test_a_link_is_closed_while_another_pod_of_its_name_is_known() -> None:
    """The pod was made again: what is known is the one before."""
    before = replace(HERE, uid="before", addresses=("10.0.0.7",))
    link = replace(link_of(HERE), uid=HERE.uid)
    cluster = Cluster(namespaces={"here": {}}, pods=(before,))
    rules = compile_rules(cluster, [link])
    assert rules.ingress == {"10.0.0.1": HOLD}
    after = compile_rules(replace(cluster, pods=(HERE,)), [link])
    assert HOLD not in after.ingress.values()


def test_a_link_gives_no_address_to_another_pod_of_its_name() -> None:
    """A peer is looked for by the labels that the pod before had."""
    before = replace(HERE, uid="before", addresses=("10.0.0.7",), labels={"app": "db"})
    peers = (Pods(pods=DB),)
    made = policy(Rule(peers=peers), tier=Tier.NAMESPACE)
    cluster = Cluster(
        namespaces={"here": {}},
        pods=(before, pod("here", 3)),
        policies=(made,),
    )
    links = [replace(link_of(HERE), uid=HERE.uid), link_of(pod("here", 3))]
    (members,) = compile_rules(cluster, links).sets.values()
    assert members.elements == {"10.0.0.7"}


def test_links_and_pods_without_a_uid_go_by_their_names() -> None:
    cluster = Cluster(namespaces={"here": {}}, pods=(HERE,))
    link = link_of(HERE)
    for uid, known in (("", HERE.uid), (HERE.uid, ""), ("", "")):
        pods = (replace(HERE, uid=known),)
        rules = compile_rules(replace(cluster, pods=pods), [replace(link, uid=uid)])
        assert HOLD not in rules.ingress.values()


def test_a_namespace_that_goes_before_its_pods_closes_them() -> None:
    made = policy(Rule(), tier=Tier.NAMESPACE)
    cluster = Cluster(namespaces={"here": {}}, pods=(HERE, PEER), policies=(made,))
    gone = replace(cluster, namespaces={})
    assert HOLD not in compile_rules(cluster, [link_of(HERE)]).ingress.values()
    assert {*compile_rules(gone, [link_of(HERE)]).ingress.values()} == {HOLD}


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_two_pods_of_one_name_have_rules_of_their_own(names: str) -> None:
    """One was deleted by force, and runs still; the other has its name by now."""
    isolating = policy(tier=Tier.NAMESPACE)
    cluster = Cluster(namespaces={"here": {}}, pods=(HERE,), policies=(isolating,))
    own = replace(link_of(HERE), uid=HERE.uid)
    its, others = (replace(own, link=f"oci{name}") for name in names)
    others = replace(others, uid="uid-before", addresses=("10.0.0.9",))
    here = sorted((its, others), key=lambda a: a.link)
    rules = compile_rules(cluster, here)
    assert rules.egress[others.link] == rules.ingress["10.0.0.9"] == HOLD
    assert rules.egress[its.link] != HOLD
    assert rules.ingress["10.0.0.1"] != HOLD


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_a_pod_has_the_addresses_of_all_its_links(names: str) -> None:
    """Its sandbox is made again, and the one before is not gone yet."""
    accepting = Rule(peers=(Pods(pods=WEB),))
    cluster = Cluster(
        namespaces={"here": {}},
        pods=(HERE,),
        policies=(policy(accepting, tier=Tier.NAMESPACE),),
    )
    own = replace(link_of(HERE), uid=HERE.uid)
    links = [replace(own, link=f"oci{name}") for name in names]
    links[1] = replace(links[1], addresses=("10.0.0.9",))
    here = sorted(links, key=lambda a: a.link)
    rules = compile_rules(cluster, here)
    peers = {e for some in rules.sets.values() for e in some.elements}
    assert peers == {"10.0.0.1", "10.0.0.9"}
    assert rules.egress["ocia"] == rules.egress["ocib"] != HOLD
