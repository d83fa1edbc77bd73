"""Which connections policies would deny."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.policy.example import (
    NAMESPACES,
    NEAR,
    NODES,
    PODS,
    cluster_policy,
    labelled,
    network_policy,
    port,
)
from tests.core.policy.questions import Question, questions
from tests.core.policy.strategies import policies as drawn_policies
from vcnd.core.policy.dry_run import DryRun
from vcnd.core.policy.judge import judge
from vcnd.model.policy import (
    Action,
    Cluster,
    Direction,
    Packet,
    Policy,
    Protocol,
    Rule,
    Tier,
)
from vcnd.model.policy_answers import DeniedFlows, DryRunAnswer

WEB, DB, TILL = "10.0.0.1", "10.0.0.2", "10.0.0.3"
NOTHING = network_policy(name="nothing", ingress=())
ONLY_80 = network_policy(name="only-80", ingress=(Rule(ports=(port(80),)),))


def tcp(source: str, destination: str, number: int = 80) -> Packet:
    return Packet(
        source=source, destination=destination, protocol=Protocol.TCP, port=number
    )


def tried(
    there: tuple[Policy, ...], wanted: list[Policy], *packets: Packet, most: int = 9
) -> DryRunAnswer:
    run = DryRun(
        Cluster(namespaces=NAMESPACES, pods=PODS, policies=there, nodes=NODES), wanted
    )
    for packet in packets:
        run.take(packet)
    return run.answer(len(packets), most)


def test_connections_are_counted_by_ends_port_and_policy() -> None:
    packets = [tcp(TILL, DB), tcp(TILL, DB), tcp(NEAR, WEB, 443), tcp(DB, TILL)]
    answer = tried((), [NOTHING], *packets)
    assert (answer.added, answer.replaced) == (("NetworkPolicy shop/nothing",), ())
    assert (answer.connections, answer.judged, answer.denied) == (4, 4, 3)
    assert answer.groups == (
        DeniedFlows(
            source="bank/till",
            destination="shop/db",
            protocol=Protocol.TCP,
            port=80,
            direction=Direction.INGRESS,
            policies=("NetworkPolicy shop/nothing",),
            connections=2,
        ),
        DeniedFlows(
            source=NEAR,
            destination="shop/web",
            protocol=Protocol.TCP,
            port=443,
            direction=Direction.INGRESS,
            policies=("NetworkPolicy shop/nothing",),
            connections=1,
        ),
    )


def test_a_policy_of_the_same_name_is_replaced() -> None:
    changed = network_policy(name="only-80", ingress=(Rule(ports=(port(81),)),))
    answer = tried((ONLY_80,), [changed], tcp(TILL, DB), tcp(TILL, DB, 81))
    assert answer.replaced == ("NetworkPolicy shop/only-80",)
    # To 81 nothing was allowed before, so there it cannot be denied.
    assert [x.port for x in answer.groups] == [80]


def test_a_cluster_policy_is_replaced_in_another_tier() -> None:
    before = cluster_policy(
        Tier.ADMIN, name="a", ingress=(Rule(), Rule(action=Action.DENY))
    )
    after = cluster_policy(Tier.BASELINE, name="a", ingress=(Rule(action=Action.DENY),))
    answer = tried((before, NOTHING), [after], tcp(TILL, DB), tcp(DB, TILL))
    assert answer.replaced == ("ClusterNetworkPolicy (Baseline) a",)
    assert {x.policies for x in answer.groups} == {
        ("NetworkPolicy shop/nothing",),
        ("ClusterNetworkPolicy (Baseline) a",),
    }


def test_only_new_policies_are_blamed_for_isolation() -> None:
    wanted = network_policy(
        name="new", ingress=(), pods=labelled("app", "db"), egress=()
    )
    other = network_policy(name="other", ingress=(Rule(),))
    changed = network_policy(name="other", ingress=())
    (group,) = tried((other,), [changed], tcp(TILL, DB)).groups
    assert group.policies == ("NetworkPolicy shop/other",)
    (group,) = tried((NOTHING,), [wanted], tcp(DB, TILL)).groups
    assert group.policies == ("NetworkPolicy shop/new",)
    assert group.direction is Direction.EGRESS


def test_groups_beyond_the_limit_are_counted() -> None:
    packets = [tcp(TILL, DB, number) for number in range(1, 8)]
    answer = tried((), [NOTHING], *packets, *packets[:1], most=3)
    assert [x.port for x in answer.groups] == [1, 2, 3]
    assert (answer.denied, answer.left_out) == (8, 4)


@pytest.mark.slow
@given(questions(), st.lists(drawn_policies("a"), max_size=1))
def test_what_is_denied_is_what_two_judgements_say(
    question: Question, wanted: list[Policy]
) -> None:
    cluster, packets = question
    names = {(policy.ref.namespace, policy.ref.name) for policy in wanted}
    kept = [p for p in cluster.policies if (p.ref.namespace, p.ref.name) not in names]
    after = replace(cluster, policies=(*kept, *wanted))
    run = DryRun(cluster, wanted)
    for packet in packets:
        run.take(packet)
    denied = [
        packet
        for packet in packets
        if judge(cluster, packet).allowed and not judge(after, packet).allowed
    ]
    answer = run.answer(len(packets), 100)
    assert answer.denied == len(denied)
    assert sum(group.connections for group in answer.groups) == len(denied)
