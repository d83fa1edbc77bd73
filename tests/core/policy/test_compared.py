"""The compiled rules do what the judge says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.policy.interpreter import accepts
from tests.core.policy.strategies import clusters, packets
from vcnd.core.policy.compiler import compile_rules
from vcnd.core.policy.judge import judge
from vcnd.model.policy import Attached, Cluster, Packet


def attached(cluster: Cluster) -> list[Attached]:
    """Return a link for each pod, as if all were on one node."""
    return [
        Attached(
            link=f"oci{pod.name}",
            addresses=pod.addresses,
            namespace=pod.namespace,
            name=pod.name,
        )
        for pod in cluster.pods
    ]


def is_forwarded(cluster: Cluster, packet: Packet) -> bool:
    """Return False if a packet is between a pod and its own node."""
    ends = {packet.source, packet.destination}
    return not any(
        ends & {*pod.addresses} and ends & {*cluster.nodes[pod.node]}
        for pod in cluster.pods
    )


@pytest.mark.slow
@given(st.data())
def test_rules_do_what_the_judge_says(data: st.DataObject) -> None:
    cluster = data.draw(clusters())
    here = attached(cluster)
    rules = compile_rules(cluster, here)
    for _ in range(5):
        packet = data.draw(packets(cluster))
        accepted = accepts(rules, here, packet) or not is_forwarded(cluster, packet)
        assert accepted == judge(cluster, packet).allowed
