"""The compiled rules do what the judge says."""

from collections.abc import Sequence
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sim.policy.judging import accepts
from tests.core.policy.strategies import NAMESPACES, NUMBERS, OUTSIDE, clusters
from vcnd.core.policy.compiler import compile_rules
from vcnd.core.policy.judge import judge
from vcnd.core.policy.rule_set import AJAR, HOLD
from vcnd.model.family import family_of
from vcnd.model.policy import Attached, Cluster, Packet, PolicyPod, Protocol

PACKETS = 200
"""For each cluster."""


def link_of(pod: PolicyPod) -> Attached:
    return Attached(
        link=f"oci{pod.name}",
        addresses=pod.addresses,
        namespace=pod.namespace,
        name=pod.name,
    )


def is_forwarded(packet: Packet, pod: PolicyPod, nodes: Sequence[str]) -> bool:
    """Return False if a packet is between a pod and its own node."""
    ends = {packet.source, packet.destination}
    return ends.isdisjoint(pod.addresses) or ends.isdisjoint(nodes)


def sample(cluster: Cluster) -> list[Packet]:
    """Return some of all packets that there can be: to draw them takes longer."""
    pods = [address for pod in cluster.pods for address in pod.addresses]
    nodes = [address for both in cluster.nodes.values() for address in both]
    ends = product((*pods, *nodes, *OUTSIDE), repeat=2)
    pairs = [(a, b) for a, b in ends if family_of(a) is family_of(b)]
    kinds = [(None, 0), *product(Protocol, NUMBERS)]
    chosen = Random(PACKETS).choices([*product(pairs, kinds)], k=PACKETS)
    return [
        Packet(source=source, destination=destination, protocol=protocol, port=port)
        for (source, destination), (protocol, port) in chosen
    ]


@pytest.mark.slow
@given(clusters(), st.sampled_from([*NAMESPACES, "", "", ""]))
def test_rules_do_what_the_judge_says(cluster: Cluster, unknown: str) -> None:
    """Of both ends of a connection those count whose pods are on the node.

    One of the namespaces may not be known yet.
    """
    known = {name: x for name, x in cluster.namespaces.items() if name != unknown}
    cluster = replace(cluster, namespaces=known)
    for node, addresses in cluster.nodes.items():
        some = [pod for pod in cluster.pods if pod.node == node]
        names = {f"{pod.namespace}/{pod.name}" for pod in some}
        here = [link_of(pod) for pod in some]
        rules = compile_rules(cluster, here)
        for packet in sample(cluster):
            accepted = accepts(rules, here, packet) or not all(
                is_forwarded(packet, pod, addresses) for pod in some
            )
            decisions = judge(cluster, packet).decisions
            assert accepted == all(d.allowed for d in decisions if d.pod in names)


@pytest.mark.slow
@given(clusters())
def test_unknown_pods_change_nothing_for_known_ones(cluster: Cluster) -> None:
    """Closed, they reach nobody; open, all that others' policies allow them."""
    unknown = [replace(link_of(p), name="", namespace="") for p in cluster.pods[::2]]
    here = [*unknown, *map(link_of, cluster.pods[1::2])]
    strict = compile_rules(cluster, here)
    standard = compile_rules(cluster, here, unknown=AJAR)
    named = {ways.get(x) for ways in (standard.egress, standard.ingress) for x in ways}
    assert HOLD not in named
    strangers = {address for link in unknown for address in link.addresses}
    for packet in sample(cluster):
        ends = {packet.source, packet.destination}
        accepted = accepts(standard, here, packet)
        if ends.isdisjoint(strangers):
            assert accepted == accepts(strict, here, packet)
        else:
            assert not accepts(strict, here, packet)
            others = [x for x in here if strangers.isdisjoint(x.addresses)]
            assert accepted == accepts(standard, others, packet)
