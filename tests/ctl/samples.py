"""Answers of vcnd-policy, and what vcndctl prints of them."""

import msgspec

from vcnd.model.policy import Direction, Packet, Protocol
from vcnd.model.policy_answers import (
    Counts,
    DeniedFlows,
    DryRunAnswer,
    ExplainAnswer,
    Explained,
    KernelCheck,
    PodShown,
    PolicyShown,
    Ruling,
    SideExplained,
    WayInForce,
    WayShown,
)
from vcnd.model.policy_status import (
    AwaitedStatus,
    FlawedStatus,
    FollowedStatus,
    PolicyStatus,
    RulesStatus,
)

POD = PodShown(
    pod="shop/web",
    addresses=("10.0.0.1", "fd00::1"),
    node="one",
    link="oci1",
    ingress=WayShown(
        isolated=True,
        policies=(
            PolicyShown(
                kind="ClusterNetworkPolicy (Admin)",
                policy="guard",
                priority=3,
                rules=("denies TCP 22 from anywhere",),
            ),
            PolicyShown(
                kind="NetworkPolicy", policy="shop/closed", priority=None, rules=()
            ),
        ),
        in_force=WayInForce(
            chain="in_a", number=3, counts=Counts(accepted=1, denied=20)
        ),
    ),
    egress=WayShown(isolated=False, policies=(), in_force=WayInForce(chain="open")),
)
POD_TEXT = """\
pod         shop/web  10.0.0.1  fd00::1  node one  link oci1
ingress     isolated: only what a rule allows is allowed
            ClusterNetworkPolicy (Admin) guard, priority 3
              1  denies TCP 22 from anywhere
            NetworkPolicy shop/closed
              -  no rule, so it allows nothing
            kernel: chain in_a, number 3, 1 connection accepted, 20 packets denied
egress      open: no policy is about it
            kernel: chain open
"""
HELD = msgspec.structs.replace(
    POD, held="it is new", ingress=WayShown(isolated=False, policies=())
)
ELSEWHERE = msgspec.structs.replace(POD, link="", ingress=POD.egress)


def explained(
    *, allowed: bool = True, agrees: bool | None = True, port: int = 80
) -> ExplainAnswer:
    side = SideExplained(
        direction=Direction.INGRESS,
        pod="shop/web",
        allowed=allowed,
        ground="rule",
        sentences=("Rule 1 passes it on.", "Rule 2 decides."),
    )
    rulings = (
        Ruling(chain="egress_side", allowed=True, path=("egress_side",), handle=3),
        Ruling(
            table="vcnd-policy",
            chain="ingress_side",
            allowed=agrees is allowed,
            path=("ingress_side", "in_a"),
            handle=7,
        ),
    )
    check = KernelCheck(
        agrees=agrees,
        why="" if agrees is not None else "no end is a pod of this node",
        differences=("It is dropped: in_a.",) if agrees is False else (),
        rulings=rulings if agrees is not None else (),
    )
    packet = Packet(
        source="10.0.0.2",
        destination="10.0.0.1",
        protocol=Protocol.TCP if port else None,
        port=port,
    )
    found = Explained(packet=packet, allowed=allowed, sides=(side,), kernel=check)
    return ExplainAnswer(connections=(found,))


AGREES_TEXT = """\
ALLOWED  TCP from 10.0.0.2 to 10.0.0.1 port 80
ingress     allowed  Rule 1 passes it on.
                     Rule 2 decides.
kernel      the kernel agrees
            accepts  ingress_side > in_a, handle 7
"""
DIFFERS_TEXT = """\
ALLOWED  TCP from 10.0.0.2 to 10.0.0.1 port 80
ingress     allowed  Rule 1 passes it on.
                     Rule 2 decides.
KERNEL      THE KERNEL DIFFERS
            It is dropped: in_a.
            See: nft -a list table inet vcnd-policy
            drops    ingress_side > in_a, handle 7
"""
GROUP = DeniedFlows(
    source="bank/till",
    destination="shop/web",
    protocol=Protocol.TCP,
    port=8080,
    direction=Direction.INGRESS,
    policies=("NetworkPolicy shop/closed",),
    connections=12,
)
TRIED = DryRunAnswer(
    added=("NetworkPolicy shop/closed",),
    replaced=("NetworkPolicy shop/web",),
    connections=345,
    judged=340,
    denied=13,
    groups=(
        GROUP,
        msgspec.structs.replace(
            GROUP, source="192.0.2.1", connections=1, protocol=None, port=0
        ),
    ),
    left_out=1,
)
TRIED_TEXT = """\
add         NetworkPolicy shop/closed
replace     NetworkPolicy shop/web
13 of 345 connections of this node's pods would be denied
only 340 were judged: there are too many to judge all

COUNT  SOURCE     DESTINATION  PORT      SIDE     BY
   12  bank/till  shop/web     8080/TCP  ingress  NetworkPolicy shop/closed
    1  192.0.2.1  shop/web     -         ingress  NetworkPolicy shop/closed
and 1 more group: see --most
"""
STATUS = PolicyStatus(
    enforcement="strict",
    cluster=FollowedStatus(
        synced=False,
        awaited=(
            AwaitedStatus(kind="/api/v1/pods", reason="refused"),
            AwaitedStatus(kind="/api/v1/namespaces", reason=""),
        ),
        namespaces=1,
        pods=2,
        policies=3,
        cluster_policies=0,
        flawed=(FlawedStatus(policy="shop/odd\x1b", flaws=("spec: no",)),),
    ),
    rules=RulesStatus(
        in_force_seconds=3725,
        links=2,
        held=1,
        chains=1,
        sets=0,
        elements=4,
        changes=7,
        last_change_seconds=0.0123,
        refused="nft: no",
    ),
)
STATUS_TEXT = """\
enforcement strict
cluster     not all is known: 1 namespace, 2 pods, 3 NetworkPolicies, 0 \
ClusterNetworkPolicies
rules       in force for 1 h 2 min: 2 links (1 held), 1 chain, 0 sets with 4 elements
changes     7 since the start; the last one took 12 ms
awaited     /api/v1/pods: refused
awaited     /api/v1/namespaces: the first list is on its way
flawed      shop/odd\\x1b: spec: no
refused     nft: no
"""
