"""Clusters with policies: the compiled rules do what the judge says."""

from collections.abc import Iterable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.policy.judging import accepts
from tests.core.policy.strategies import clusters, packets
from tests.core.policy.test_compared import is_forwarded, link_of
from vcnd.core.policy.compiler import compile_rules
from vcnd.core.policy.judge import judge
from vcnd.model.policy import Cluster


@settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def _agree(data: st.DataObject) -> None:
    cluster: Cluster = data.draw(clusters())
    asked = data.draw(st.lists(packets(cluster), min_size=1, max_size=6))
    for node, addresses in cluster.nodes.items():
        some = [pod for pod in cluster.pods if pod.node == node]
        names = {f"{pod.namespace}/{pod.name}" for pod in some}
        here = [link_of(pod) for pod in some]
        rules = compile_rules(cluster, here)
        for packet in asked:
            accepted = accepts(rules, here, packet) or not all(
                is_forwarded(packet, pod, addresses) for pod in some
            )
            decisions = judge(cluster, packet).decisions
            if accepted != all(d.allowed for d in decisions if d.pod in names):
                raise AssertionError(f"rules and judge differ: {packet} in {cluster}")


def run(data: bytes) -> None:
    """Draw a cluster by hypothesis, out of these bytes."""
    _agree.hypothesis.fuzz_one_input(data)  # type: ignore[attr-defined]


def seeds() -> Iterable[bytes]:
    """Return bytes that hypothesis makes something of."""
    for number in range(16):
        yield bytes((number * 37 + at * 101) % 256 for at in range(900))
