"""Clusters with packets to judge, and changes to their policies."""

from collections.abc import Callable

from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.policy import strategies
from vcnd.core.policy.judge import Decision, Ground, Verdict, judge
from vcnd.model.policy import Cluster, Packet, Policy, Rule, Tier

Question = tuple[Cluster, list[Packet]]


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Return a cluster, and packets in it."""
    cluster = draw(strategies.clusters())
    packets = st.lists(strategies.packets(cluster), min_size=1, max_size=8)
    return cluster, draw(packets)


def judge_all(cluster: Cluster, packets: list[Packet]) -> list[Verdict]:
    """Return the verdict on each packet."""
    return [judge(cluster, packet) for packet in packets]


def decisions(cluster: Cluster, packets: list[Packet]) -> list[Decision]:
    """Return the decisions on all packets."""
    return [d for verdict in judge_all(cluster, packets) for d in verdict.decisions]


def allowed(cluster: Cluster, packets: list[Packet]) -> set[Packet]:
    """Return the packets that are allowed."""
    return {packet for packet in packets if judge(cluster, packet).allowed}


def outcomes(verdicts: list[Verdict]) -> list[list[tuple[bool, Ground]]]:
    """Return what verdicts say, without the names of rules."""
    return [[(d.allowed, d.ground) for d in v.decisions] for v in verdicts]


def with_policies(cluster: Cluster, *policies: Policy) -> Cluster:
    """Return a cluster with further policies."""
    return replace(cluster, policies=(*cluster.policies, *policies))


def with_rules(cluster: Cluster, change: Callable[[Rule], tuple[Rule, ...]]) -> Cluster:
    """Return a cluster in which each rule is replaced by others."""

    def changed(rules: tuple[Rule, ...] | None) -> tuple[Rule, ...] | None:
        if rules is None:
            return None
        return tuple(new for rule in rules for new in change(rule))

    return replace(
        cluster,
        policies=tuple(
            replace(p, ingress=changed(p.ingress), egress=changed(p.egress))
            for p in cluster.policies
        ),
    )


def without_tier(cluster: Cluster, *tiers: Tier) -> Cluster:
    """Return a cluster without the policies of some tiers."""
    policies = tuple(p for p in cluster.policies if p.ref.tier not in tiers)
    return replace(cluster, policies=policies)
