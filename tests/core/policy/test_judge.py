"""NetworkPolicy: the usual recipes, each with all connections that it denies."""

import pytest

from tests.core.policy.example import (
    FAR,
    NEAR,
    NODES,
    all_from,
    all_to,
    ask,
    denied,
    labelled,
    named,
    network_policy,
    port,
)
from vcnd.core.policy.judge import Decision, Ground, RuleRef, Verdict
from vcnd.model.policy import (
    Block,
    Direction,
    Pods,
    Policy,
    PortRange,
    Protocol,
    Rule,
)

DENY_INGRESS = network_policy(name="deny-ingress", ingress=())
DENY_EGRESS = network_policy(name="deny-egress", egress=())
FROM_BANK = Rule(peers=(Pods(namespaces=labelled("team", "bank")),))
FROM_OUR_WEB = Rule(peers=(Pods(namespace="shop", pods=labelled("app", "web")),))
BANK_AND_DB = Rule(
    peers=(Pods(namespaces=labelled("team", "bank"), pods=labelled("app", "db")),)
)
BANK_OR_OUR_DB = Rule(
    peers=(
        Pods(namespaces=labelled("team", "bank")),
        Pods(namespace="shop", pods=labelled("app", "db")),
    )
)
NEAR_ONLY = Rule(peers=(Block(network="192.0.2.0/24", excepted=("192.0.2.128/25",)),))
FAR_IN_ANOTHER_BLOCK = Rule(
    peers=(
        Block(network="192.0.2.0/24", excepted=("192.0.2.128/25",)),
        Block(network="192.0.2.192/26"),
    )
)
SHOP = ("web", "db")


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        pytest.param((), set(), id="no policy"),
        pytest.param((DENY_INGRESS,), all_to(*SHOP), id="deny all ingress"),
        pytest.param((DENY_EGRESS,), all_from(*SHOP), id="deny all egress"),
        pytest.param(
            (network_policy(ingress=(), egress=()),),
            all_to(*SHOP) | all_from(*SHOP),
            id="deny all",
        ),
        pytest.param(
            (network_policy(ingress=(), namespace="bank"),),
            all_to("till"),
            id="only its own namespace is isolated",
        ),
        pytest.param(
            (network_policy(ingress=(), pods=labelled("app", "db")),),
            all_to("db"),
            id="only selected pods are isolated",
        ),
        pytest.param((network_policy(),), set(), id="no direction"),
        pytest.param(
            (network_policy(ingress=(Rule(),)),), set(), id="allow all ingress"
        ),
        pytest.param(
            (network_policy(ingress=(Rule(peers=()),)),), all_to(*SHOP), id="nobody"
        ),
        pytest.param(
            (network_policy(ingress=(Rule(ports=()),)),), all_to(*SHOP), id="nothing"
        ),
        pytest.param(
            (network_policy(ingress=(Rule(peers=(Pods(),)),)),),
            {f"{source}>{pod}" for source in ("near", "far") for pod in SHOP},
            id="from all pods",
        ),
        pytest.param(
            (network_policy(ingress=(FROM_BANK,)),),
            all_to(*SHOP) - {"till>web", "till>db"},
            id="from a namespace",
        ),
        pytest.param(
            (network_policy(ingress=(FROM_OUR_WEB,), pods=labelled("app", "db")),),
            all_to("db") - {"web>db"},
            id="from pods of the namespace",
        ),
        pytest.param(
            (network_policy(ingress=(BANK_AND_DB,)),),
            all_to(*SHOP),
            id="both selectors in one peer",
        ),
        pytest.param(
            (network_policy(ingress=(BANK_OR_OUR_DB,)),),
            all_to(*SHOP) - {"till>web", "till>db", "db>web"},
            id="both selectors in two peers",
        ),
        pytest.param(
            (network_policy(egress=(FROM_BANK,)),),
            all_from(*SHOP) - {"web>till", "db>till"},
            id="to a namespace",
        ),
        pytest.param(
            (network_policy(ingress=(NEAR_ONLY,)),),
            all_to(*SHOP) - {"near>web", "near>db"},
            id="from a block with except",
        ),
        pytest.param(
            (network_policy(egress=(NEAR_ONLY,)),),
            all_from(*SHOP) - {"web>near", "db>near"},
            id="to a block with except",
        ),
        pytest.param(
            (network_policy(ingress=(FAR_IN_ANOTHER_BLOCK,)),),
            all_to(*SHOP) - {"near>web", "near>db", "far>web", "far>db"},
            id="except belongs to its own block",
        ),
        pytest.param(
            (network_policy(egress=(Rule(peers=(Block(network="10.0.0.3/32"),)),)),),
            all_from(*SHOP) - {"web>till", "db>till"},
            id="a block matches a pod's address",
        ),
        pytest.param(
            (network_policy(egress=(Rule(peers=(Block(network="::/0"),)),)),),
            all_from(*SHOP),
            id="a block of the other family",
        ),
        pytest.param(
            (
                DENY_INGRESS,
                network_policy(name="bank", ingress=(FROM_BANK,)),
                network_policy(name="near", ingress=(NEAR_ONLY,)),
            ),
            all_to(*SHOP) - {"till>web", "till>db", "near>web", "near>db"},
            id="policies add up",
        ),
        pytest.param(
            (
                network_policy(egress=(FROM_BANK,)),
                network_policy(namespace="bank", ingress=()),
            ),
            all_from(*SHOP) | all_to("till"),
            id="both ends have to allow",
        ),
    ],
)
def test_recipe_denies(policies: tuple[Policy, ...], expected: set[str]) -> None:
    assert denied(*policies) == expected


@pytest.mark.parametrize(
    ("protocol", "number", "passes"),
    [
        (Protocol.TCP, 79, False),
        (Protocol.TCP, 80, True),
        (Protocol.TCP, 81, False),
        (Protocol.TCP, 7999, False),
        (Protocol.TCP, 8000, True),
        (Protocol.TCP, 8040, True),
        (Protocol.TCP, 8080, True),
        (Protocol.TCP, 8081, False),
        (Protocol.UDP, 80, False),
        (Protocol.SCTP, 80, False),
        (Protocol.SCTP, 1, True),
        (Protocol.SCTP, 65535, False),
        (None, 0, False),
    ],
)
def test_ports_and_their_protocols_match(
    protocol: Protocol | None, number: int, passes: bool
) -> None:
    sctp = PortRange(protocol=Protocol.SCTP, first=0, last=79)
    rule = Rule(ports=(port(80), port(8000, 8080), sctp))
    found = denied(network_policy(ingress=(rule,)), protocol=protocol, port=number)
    assert found == (set() if passes else all_to(*SHOP))


def test_egress_to_dns_alone_is_allowed() -> None:
    to_dns = Rule(
        peers=(Pods(namespaces=labelled("team", "ops"), pods=labelled("app", "dns")),),
        ports=(
            PortRange(protocol=Protocol.UDP, first=53, last=53),
            PortRange(protocol=Protocol.TCP, first=53, last=53),
        ),
    )
    policy = network_policy(egress=(to_dns,))
    for protocol in (Protocol.TCP, Protocol.UDP):
        there = denied(policy, protocol=protocol, port=53)
        assert there == all_from(*SHOP) - {"web>dns", "db>dns"}
    assert denied(policy, protocol=Protocol.SCTP, port=53) == all_from(*SHOP)
    assert denied(policy, port=80) == all_from(*SHOP)


def test_ingress_by_name_is_the_port_of_each_pod() -> None:
    policy = network_policy(ingress=(Rule(ports=(named("http"),)),))
    assert denied(policy, port=80) == all_to("db")
    assert denied(policy, port=8080) == all_to("web")
    assert denied(policy, port=81) == all_to(*SHOP)
    assert denied(policy, port=80, protocol=Protocol.UDP) == all_to(*SHOP)


def test_egress_by_name_is_the_port_of_the_destination() -> None:
    policy = network_policy(namespace="bank", egress=(Rule(ports=(named("http"),)),))
    assert denied(policy, port=80) == all_from("till") - {"till>web"}
    assert denied(policy, port=8080) == all_from("till") - {"till>db"}
    on_udp = denied(policy, port=80, protocol=Protocol.UDP)
    assert on_udp == all_from("till")


def test_name_without_protocol_is_the_port_of_any() -> None:
    by_name = Rule(ports=(named("http", None),))
    policy = network_policy(namespace="bank", egress=(by_name,))
    assert denied(policy, port=80) == all_from("till") - {"till>web"}
    on_udp = denied(policy, port=80, protocol=Protocol.UDP)
    assert on_udp == all_from("till") - {"till>dns"}


def test_traffic_without_ports_needs_a_rule_without_ports() -> None:
    every_port = Rule(ports=tuple(PortRange(protocol=p) for p in Protocol))
    by_ports = network_policy(ingress=(every_port, Rule(ports=(named("http", None),))))
    assert denied(by_ports) == set()
    assert denied(by_ports, protocol=None, port=0) == all_to(*SHOP)
    by_peer = network_policy(ingress=(FROM_BANK,))
    without_ports = denied(by_peer, protocol=None, port=0)
    assert without_ports == all_to(*SHOP) - {"till>web", "till>db"}


@pytest.mark.parametrize(
    ("source", "destination", "allowed"),
    [
        ("10.0.0.1", "10.0.0.1", True),
        ("fd00::1", "fd00::1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("fd00::1", "fd00::2", False),
        (NODES["one"][0], "10.0.0.1", True),
        (NODES["one"][1], "fd00::1", True),
        ("10.0.0.1", NODES["one"][0], True),
        (NODES["two"][0], "10.0.0.1", False),
        (NODES["two"][1], "fd00::1", False),
        ("10.0.0.1", NODES["two"][0], False),
        (NEAR, FAR, True),
        (NODES["one"][0], NODES["two"][0], True),
    ],
)
def test_pod_always_reaches_itself_and_its_node(
    source: str, destination: str, allowed: bool
) -> None:
    policies = DENY_INGRESS, DENY_EGRESS
    assert ask(*policies, source=source, destination=destination).allowed is allowed


def test_addresses_of_both_families_are_the_pod() -> None:
    policy = network_policy(ingress=(FROM_BANK,))
    assert ask(policy, source="fd00::3", destination="fd00::1").allowed
    assert not ask(policy, source="fd00::4", destination="fd00::1").allowed


def test_verdict_names_what_decides_at_each_end() -> None:
    from_bank = network_policy(
        name="bank", namespace="bank", egress=(Rule(peers=()), Rule(name="all"))
    )
    dns = network_policy(name="again", ingress=(NEAR_ONLY,))
    verdict = ask(
        DENY_INGRESS, dns, from_bank, source="10.0.0.3", destination="10.0.0.1"
    )
    assert verdict == Verdict(
        allowed=False,
        decisions=(
            Decision(
                direction=Direction.EGRESS,
                pod="bank/till",
                allowed=True,
                ground=Ground.RULE,
                rule=RuleRef(policy=from_bank.ref, index=1, name="all"),
            ),
            Decision(
                direction=Direction.INGRESS,
                pod="shop/web",
                allowed=False,
                ground=Ground.ISOLATED,
                isolating=(dns.ref, DENY_INGRESS.ref),
            ),
        ),
    )


def test_end_outside_has_no_decision() -> None:
    verdict = ask(source=NEAR, destination="10.0.0.1")
    assert [d.direction for d in verdict.decisions] == [Direction.INGRESS]
    assert [d.ground for d in verdict.decisions] == [Ground.NOTHING]
    verdict = ask(source="10.0.0.1", destination=NEAR)
    assert [d.direction for d in verdict.decisions] == [Direction.EGRESS]
    assert ask(source=NEAR, destination=FAR) == Verdict(allowed=True, decisions=())
