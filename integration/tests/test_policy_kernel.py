"""What the kernel does with packets, by the rules that policies are compiled to."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from integration.lab.policy import PolicyNode
from integration.tests.policy import (
    BLUE,
    DB,
    FAR,
    HERE,
    LINKS,
    NAMELESS,
    OTHER,
    SCTP,
    TCP,
    UDP,
    WEB,
    app,
    cluster,
    link_of,
    policy,
    small_node,
)
from tests.core.policy.strategies import NODES, OUTSIDE, clusters, packets
from vcnd.core.policy.judge import judge
from vcnd.model.policy import (
    Action,
    Block,
    Direction,
    NamedPort,
    Packet,
    Pods,
    Policy,
    PortRange,
    Rule,
    Tier,
)


@pytest.fixture(scope="module")
def node() -> Iterator[PolicyNode]:
    with small_node() as made:
        yield made


@settings(max_examples=40, derandomize=True, deadline=None, database=None)
@given(st.data())
def test_the_kernel_does_what_the_judge_says(
    node: PolicyNode, data: st.DataObject
) -> None:
    drawn = data.draw(clusters())
    made = replace(drawn, pods=tuple(replace(p, node=HERE) for p in drawn.pods))
    node.apply(made, [link_of(pod) for pod in made.pods])
    for _ in range(8):
        packet = data.draw(packets(made))
        assert node.passes(packet) == judge(made, packet).allowed, packet


def tcp(source: str, destination: str = WEB, port: int = 80) -> Packet:
    return Packet(source=source, destination=destination, protocol=TCP, port=port)


DB_PODS = Pods(pods=app("db"))
DB_HERE = Pods(namespace=BLUE, pods=app("db"))
EXCEPTED = Block(network="192.0.2.0/24", excepted=("192.0.2.128/25",))
ALL = Block(network="0.0.0.0/0", excepted=("10.0.0.0/30",))
OUT1, OUT2 = OUTSIDE[:2]
SOME_PORTS = PortRange(protocol=TCP, first=80, last=82)
DENY, PASS = Action.DENY, Action.PASS

RECIPES: dict[str, tuple[list[Policy], dict[Packet, bool]]] = {
    "no policy": (
        [],
        {tcp(DB): True, tcp(OUT1): True, tcp(WEB, DB): True, tcp(WEB, OUT1): True},
    ),
    "unknown pods are closed": (
        [],
        {tcp(NAMELESS): False, tcp(NAMELESS, OUT1): False, tcp(DB, NAMELESS): False},
    ),
    "nothing comes in": (
        [policy()],
        {
            tcp(DB): False,
            tcp(OUT1): False,
            tcp(NODES[HERE][0]): True,
            tcp(NODES[OTHER][0]): False,
            tcp(WEB, DB): True,
            Packet(source=DB, destination=WEB): False,
            Packet(source="fd00::2", destination="fd00::1"): False,
        },
    ),
    "nothing goes out": (
        [policy(direction=Direction.EGRESS)],
        {tcp(WEB, DB): False, tcp(WEB, OUT1): False, tcp(DB): True},
    ),
    "everything comes in": (
        [policy(), policy(Rule(), name="all")],
        {tcp(DB): True, tcp(OUT1): True, Packet(source=DB, destination=WEB): True},
    ),
    "pods of the same namespace": (
        [policy(Rule(peers=(DB_HERE,)))],
        {tcp(DB): True, tcp(FAR): False, tcp(OUT1): False},
    ),
    "pods of any namespace": (
        [policy(Rule(peers=(DB_PODS,)))],
        {tcp(DB): True, tcp(FAR): True, tcp("fd00::3", "fd00::1"): True},
    ),
    "blocks with holes, which another block has": (
        [policy(Rule(peers=(EXCEPTED,))), policy(Rule(peers=(ALL,)), name="q")],
        {tcp(OUT1): True, tcp(OUT2): True, tcp(DB): False, tcp("10.0.0.6"): True},
    ),
    "a block with a hole": (
        [policy(Rule(peers=(EXCEPTED,)))],
        {tcp(OUT1): True, tcp(OUT2): False, tcp(DB): False},
    ),
    "a range of ports": (
        [policy(Rule(ports=(SOME_PORTS,)))],
        {
            **{tcp(DB, port=n): 80 <= n <= 82 for n in (79, 80, 82, 83)},
            Packet(source=DB, destination=WEB, protocol=UDP, port=80): False,
            Packet(source=DB, destination=WEB): False,
        },
    ),
    "a named port of the destination": (
        [
            policy(
                Rule(peers=(DB_PODS,), ports=(NamedPort(name="http"),)),
                direction=Direction.EGRESS,
            )
        ],
        {
            tcp(WEB, DB, 8080): True,
            tcp(WEB, DB, 80): False,
            tcp(WEB, OUT1, 8080): False,
            tcp("fd00::1", "fd00::3", 8080): True,
        },
    ),
    "SCTP": (
        [policy(Rule(ports=(PortRange(protocol=SCTP, first=7777, last=7777),)))],
        {
            Packet(source=DB, destination=WEB, protocol=SCTP, port=7777): True,
            Packet(source=DB, destination=WEB, protocol=SCTP, port=7778): False,
            tcp(DB, port=7777): False,
        },
    ),
    "the admin's tier, in order": (
        [
            policy(Rule(peers=(DB_HERE,)), tier=Tier.ADMIN, name="b", priority=1),
            policy(Rule(peers=(DB_PODS,), action=DENY), tier=Tier.ADMIN, priority=2),
            policy(),
        ],
        {tcp(DB): True, tcp(FAR): False, tcp(OUT1): False},
    ),
    "passed on to the tier of namespaces": (
        [
            policy(Rule(peers=(DB_PODS,), action=PASS), tier=Tier.ADMIN),
            policy(Rule(action=DENY), tier=Tier.ADMIN, priority=1),
            policy(Rule(peers=(DB_HERE,))),
        ],
        {tcp(DB): True, tcp(FAR): False, tcp(OUT1): False},
    ),
    "the baseline": (
        [
            policy(
                Rule(peers=(DB_HERE,), action=PASS),
                Rule(peers=(DB_PODS,), action=DENY),
                tier=Tier.BASELINE,
            )
        ],
        {tcp(DB): True, tcp(FAR): False, tcp(OUT1): True},
    ),
    "no baseline where a policy isolates": (
        [policy(Rule()), policy(Rule(action=DENY), tier=Tier.BASELINE)],
        {tcp(FAR): True, tcp(OUT1): True},
    ),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes(node: PolicyNode, recipe: str) -> None:
    policies, packets = RECIPES[recipe]
    made = cluster(*policies)
    node.apply(made, LINKS)
    found = {packet: node.passes(packet) for packet in packets}
    assert found == packets
    known = [p for p in packets if NAMELESS not in (p.source, p.destination)]
    assert {p: judge(made, p).allowed for p in known} == {p: found[p] for p in known}
