"""Sentences about verdicts, word by word."""

import pytest

from tests.core.policy.example import (
    FAR,
    NEAR,
    ask,
    cluster_policy,
    network_policy,
)
from vcnd.core.policy.explain import explain
from vcnd.model.policy import (
    Action,
    Block,
    Packet,
    Pods,
    Policy,
    Protocol,
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
                "TCP from 10.0.0.3 to 10.0.0.1 port 80 is allowed.",
                "No policy decides about egress of pod bank/till, so it is allowed.",
                "No policy decides about ingress to pod shop/web, so it is allowed.",
            ],
        ),
        (
            (ISOLATED, SOME, BANK_OUT),
            TILL,
            DB,
            [
                "TCP from 10.0.0.3 to 10.0.0.2 port 80 is denied.",
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
                "TCP from 192.0.2.7 to 10.0.0.2 port 80 is allowed.",
                "Ingress rule 1 of NetworkPolicy shop/some allows ingress to pod "
                "shop/db.",
            ],
        ),
        (
            (ADMIN,),
            NEAR,
            DB,
            [
                "TCP from 192.0.2.7 to 10.0.0.2 port 80 is denied.",
                "Ingress rule 2 of ClusterNetworkPolicy (Admin) guard denies ingress "
                "to pod shop/db.",
            ],
        ),
        (
            (ADMIN, BASELINE),
            TILL,
            DB,
            [
                "TCP from 10.0.0.3 to 10.0.0.2 port 80 is denied.",
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
                "TCP from 10.0.0.1 to 10.0.0.1 port 80 is allowed.",
                "Pod shop/web may always talk to itself.",
            ],
        ),
        (
            (ISOLATED,),
            NODE,
            WEB,
            [
                "TCP from 10.1.0.1 to 10.0.0.1 port 80 is allowed.",
                "Pod shop/web and its node may always talk to each other.",
            ],
        ),
        (
            (ISOLATED,),
            NEAR,
            FAR,
            [
                "TCP from 192.0.2.7 to 192.0.2.200 port 80 is allowed.",
                "Neither end is a pod that policies are about.",
            ],
        ),
    ],
)
def test_verdict_is_told_in_sentences(
    policies: tuple[Policy, ...], source: str, destination: str, sentences: list[str]
) -> None:
    verdict = ask(*policies, source=source, destination=destination)
    packet = Packet(
        source=source, destination=destination, protocol=Protocol.TCP, port=80
    )
    assert list(explain(packet, verdict)) == sentences


def test_connection_without_ports_is_told_without_port() -> None:
    packet = Packet(source=NEAR, destination=WEB)
    verdict = ask(source=NEAR, destination=WEB, protocol=None, port=0)
    first, *_ = explain(packet, verdict)
    assert first == "Traffic without ports from 192.0.2.7 to 10.0.0.1 is allowed."
