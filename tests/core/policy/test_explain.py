"""Sentences about decisions, word by word."""

import pytest

from tests.core.policy.example import (
    NEAR,
    ask,
    cluster_policy,
    network_policy,
)
from vcnd.core.policy.explain import reasons
from vcnd.model.policy import (
    Action,
    Block,
    Pods,
    Policy,
    Rule,
    Tier,
)

WEB, DB, TILL, NODE = "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.1.0.1"
NEAR_ONLY = Rule(peers=(Block(network=f"{NEAR}/32"),))
ISOLATED = network_policy(name="closed", ingress=())
SOME = network_policy(name="some", ingress=(NEAR_ONLY, Rule(peers=(), name="none")))
TO_SHOP = Rule(peers=(Pods(namespace="shop"),), name="to the shop")
BANK_OUT = network_policy(namespace="bank", egress=(NEAR_ONLY, TO_SHOP))
PASS_PODS = Rule(action=Action.PASS, peers=(Pods(),), name="\x1b[2Jpods")
DENY = Rule(action=Action.DENY)
ADMIN = cluster_policy(Tier.ADMIN, name="guard", ingress=(PASS_PODS, DENY))
BASELINE = cluster_policy(Tier.BASELINE, name="floor", ingress=(DENY,))


@pytest.mark.parametrize(
    ("policies", "source", "destination", "sentences"),
    [
        (
            (),
            TILL,
            WEB,
            [
                "No policy decides about egress of pod bank/till, so it is allowed.",
                "No policy decides about ingress to pod shop/web, so it is allowed.",
            ],
        ),
        (
            (ISOLATED, SOME, BANK_OUT),
            TILL,
            DB,
            [
                "Egress rule 2 ('to the shop') of NetworkPolicy bank/rules allows "
                "egress of pod bank/till.",
                "No rule allows ingress to pod shop/db. The pod is isolated by "
                "NetworkPolicy shop/closed, NetworkPolicy shop/some.",
            ],
        ),
        (
            (ISOLATED, SOME),
            NEAR,
            DB,
            [
                "Ingress rule 1 of NetworkPolicy shop/some allows ingress to pod "
                "shop/db.",
            ],
        ),
        (
            (ADMIN,),
            NEAR,
            DB,
            [
                "Ingress rule 2 of ClusterNetworkPolicy (Admin) guard denies ingress "
                "to pod shop/db.",
            ],
        ),
        (
            (ADMIN, BASELINE),
            TILL,
            DB,
            [
                "No policy decides about egress of pod bank/till, so it is allowed.",
                "Ingress rule 1 ('\\x1b[2Jpods') of ClusterNetworkPolicy (Admin) guard "
                "passes ingress to pod shop/db to the next tier.",
                "Ingress rule 1 of ClusterNetworkPolicy (Baseline) floor denies "
                "ingress to pod shop/db.",
            ],
        ),
        (
            (ISOLATED,),
            WEB,
            WEB,
            [
                "Pod shop/web may always talk to itself.",
            ],
        ),
        (
            (ISOLATED,),
            NODE,
            WEB,
            [
                "Pod shop/web and its node may always talk to each other.",
            ],
        ),
    ],
)
def test_decisions_are_told_in_sentences(
    policies: tuple[Policy, ...], source: str, destination: str, sentences: list[str]
) -> None:
    verdict = ask(*policies, source=source, destination=destination)
    told = (sentence for x in verdict.decisions for sentence in reasons(x))
    # A pod that talks to itself is both ends.
    assert [*dict.fromkeys(told)] == sentences
