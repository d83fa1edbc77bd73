"""Routes of a VCN, and the rules that answers need."""

import pytest
from msgspec.structs import replace

from vcnd.core.vcn_path import ruling, steps
from vcnd.model.vcn_rules import (
    Connection,
    Direction,
    End,
    PortSpan,
    RouteRule,
    RouteTable,
    Ruling,
    SecurityRule,
    Stage,
    Transport,
    VcnView,
)

YES, NO, OPEN = Ruling.ALLOWED, Ruling.DENIED, Ruling.UNKNOWN
OUT = SecurityRule(holder="NSG a", direction=Direction.EGRESS, peer="0.0.0.0/0")
IN = replace(OUT, direction=Direction.INGRESS)
OPEN_END = End(vnic_id="a", nsg_ids=(), rules=(OUT, IN))
NAT = RouteRule(destination="0.0.0.0/0", target="ocid1.natgateway.oc1..n")
DRG = RouteRule(destination="172.16.0.0/12", target="ocid1.drg.oc1..d")
IGW = RouteRule(destination="0.0.0.0/0", target="ocid1.internetgateway.oc1..i")
IGW_SIX = replace(IGW, destination="::/0")
SERVICE = RouteRule(destination="all", target="ocid1.servicegateway.x", is_service=True)
INNER = RouteRule(destination="10.1.0.0/24", target="ocid1.privateip.oc1..p")
HERE = VcnView(cidrs=("10.0.0.0/16", "10.1.0.0/16"), sender=OPEN_END)
THERE = replace(HERE, receiver=replace(OPEN_END, vnic_id="b"))
TABLE = [
    (HERE, [NAT, DRG], "8.8.8.8", YES, "0.0.0.0/0 by the NAT gateway"),
    (HERE, [NAT, DRG], "172.16.0.9", YES, "172.16.0.0/12 by the DRG"),
    (HERE, [DRG], "8.8.8.8", NO, "no route has 8.8.8.8"),
    (HERE, [SERVICE], "8.8.8.8", OPEN, "Oracle's services"),
    (HERE, [SERVICE], "192.168.0.9", NO, "no route"),
    (HERE, [IGW], "8.8.8.8", NO, "drops packets of private addresses"),
    (HERE, [IGW_SIX], "2600::1", NO, "serves no private subnet"),
    (replace(HERE, has_internet=True), [IGW], "8.8.8.8", YES, "internet gateway"),
    (THERE, [NAT], "10.1.0.9", YES, "inside the VCN, to VNIC b"),
    (HERE, [NAT], "10.1.0.9", NO, "no VNIC of the VCN has 10.1.0.9"),
    (
        replace(HERE, receiver_is_known=False),
        [NAT],
        "10.1.0.9",
        OPEN,
        "could not be read",
    ),
    (HERE, [INNER], "10.1.0.9", YES, "10.1.0.0/24 by the private IP"),
    (replace(HERE, cidrs=()), [], "10.1.0.9", OPEN, "which could not be read"),
    (replace(HERE, cidrs=()), [NAT], "10.1.0.9", OPEN, "unless it is inside the VCN"),
    (replace(THERE, cidrs=()), [NAT], "10.1.0.9", YES, "inside the VCN, to VNIC b"),
]


@pytest.mark.parametrize(
    ("view", "routes", "destination", "decided", "words"),
    TABLE,
    ids=[f"{d} {w}" for _, _, d, _, w in TABLE],
)
def test_longest_route_takes_the_packet(
    view: VcnView,
    routes: list[RouteRule],
    destination: str,
    decided: Ruling,
    words: str,
) -> None:
    view = replace(view, table=RouteTable(id="t", rules=tuple(routes)))
    source = "2600::9" if ":" in destination else "10.0.0.9"
    found = steps(view, Connection(source=source, destination=destination))
    (route,) = (s for s in found if s.stage is Stage.ROUTE)
    assert (route.ruling, route.at) == (decided, "t")
    assert words in route.why


ASK = Connection(
    source="10.0.0.9", destination="10.1.0.9", transport=Transport.TCP, port=80
)
ANSWER = replace(OUT, protocol="6", source_ports=PortSpan(80, 80))
TAKE = replace(IN, protocol="6", source_ports=PortSpan(80, 80))
NARROW = replace(TAKE, ports=PortSpan(40000, 40009))
OUT_FAST, IN_FAST = replace(OUT, stateless=True), replace(IN, stateless=True)
ANSWERS = [
    ("both stateful", (OUT,), (IN,), [], YES),
    ("stateless ingress", (OUT,), (IN_FAST,), [Stage.ANSWER_EGRESS], NO),
    ("with its answer", (OUT,), (IN_FAST, ANSWER), [Stage.ANSWER_EGRESS], YES),
    ("stateless egress", (OUT_FAST,), (IN,), [Stage.ANSWER_INGRESS], NO),
    ("with its answer in", (OUT_FAST, TAKE), (IN,), [Stage.ANSWER_INGRESS], YES),
    ("of some ports", (OUT_FAST, NARROW), (IN,), [Stage.ANSWER_INGRESS], OPEN),
    (
        "both stateless",
        (OUT_FAST, TAKE),
        (IN_FAST, ANSWER),
        [Stage.ANSWER_EGRESS, Stage.ANSWER_INGRESS],
        YES,
    ),
    ("denied", (), (IN,), [], NO),
]


@pytest.mark.parametrize(
    ("sender", "receiver", "answers", "decided"),
    [row[1:] for row in ANSWERS],
    ids=[row[0] for row in ANSWERS],
)
def test_answer_to_a_stateless_rule_needs_a_rule(
    sender: tuple[SecurityRule, ...],
    receiver: tuple[SecurityRule, ...],
    answers: list[Stage],
    decided: Ruling,
) -> None:
    view = VcnView(
        cidrs=("10.0.0.0/8",),
        sender=replace(OPEN_END, rules=sender),
        receiver=replace(OPEN_END, vnic_id="b", rules=receiver),
    )
    found = steps(view, ASK)
    assert [s.stage for s in found[2:]] == answers
    assert ruling(found) is decided


def test_unread_list_may_hold_a_stateless_rule() -> None:
    part = replace(OPEN_END, rules=(OUT,), is_whole=False)
    found = steps(replace(THERE, sender=part), ASK)
    assert (found[-1].stage, found[-1].ruling) == (Stage.ANSWER_INGRESS, OPEN)
    assert "if a stateless rule" in found[-1].why


def test_nothing_read_decides_nothing() -> None:
    assert steps(VcnView(receiver_is_known=False), ASK) == ()
