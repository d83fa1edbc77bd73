"""A policy with a part that cannot be read allows nothing that it did not allow."""

from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kube.policy.bodies import (
    Body,
    cluster_network_policies,
    network_policies,
    ruined,
)
from vcnd.core.policy.judge import judge
from vcnd.kube.policy import policies
from vcnd.kube.policy.policies import ReadPolicy
from vcnd.kube.policy.wire import ClusterNetworkPolicy, NetworkPolicy
from vcnd.model.policy import (
    Action,
    Cluster,
    ContainerPort,
    Packet,
    Pods,
    Policy,
    PolicyPod,
    PolicyRef,
    Protocol,
    Rule,
    Tier,
)


def read_network_policy(spec: Body) -> ReadPolicy:
    body = {"metadata": {"namespace": "blue", "name": "read"}, "spec": spec}
    return policies.network_policy(msgspec.convert(body, NetworkPolicy))


def read_cluster_network_policy(spec: Body) -> ReadPolicy:
    body = {"metadata": {"name": "read"}, "spec": spec}
    return policies.cluster_network_policy(msgspec.convert(body, ClusterNetworkPolicy))


def pod(namespace: str, number: int, **labels: str) -> PolicyPod:
    return PolicyPod(
        namespace=namespace,
        name=f"pod{number}",
        labels=labels,
        addresses=(f"10.0.0.{number}", f"fd00::{number}"),
        ports=(ContainerPort("web", Protocol.TCP, 80),),
    )


PODS = (
    pod("blue", 1, app="a", team="a"),
    pod("blue", 2, app="b"),
    pod("green", 3, app="a", team="b"),
)
CLOSED = Policy(
    ref=PolicyRef(Tier.NAMESPACE, "blue", "closed"),
    subject=Pods(namespace="blue"),
    ingress=(),
    egress=(),
)
"""Beside it, a rule that accepts more than before is seen."""
DENY_ALL = (Rule(action=Action.DENY),)
DENYING = Policy(
    ref=PolicyRef(Tier.ADMIN, "", "denying"),
    subject=Pods(),
    priority=3,
    ingress=DENY_ALL,
    egress=DENY_ALL,
)
"""Beside it, a rule that passes more than before is seen."""
PACKETS = [
    Packet(source=source, destination=destination, protocol=protocol, port=port)
    for ends in (("10.0.0.1", "10.0.0.2", "10.0.0.3", "192.0.2.7"), ("fd00::1", "::7"))
    for source, destination in permutations(ends, 2)
    for protocol, port in ((Protocol.TCP, 80), (Protocol.UDP, 53), (None, 0))
]


def check(good: ReadPolicy, bad: ReadPolicy) -> None:
    assert not good.flaws
    assert bad.flaws or bad == good  # egress rules of a policy for ingress
    labels = {"blue": {"team": "a"}, "green": {"app": "b"}}
    for others in ((), (CLOSED,), (DENYING,)):
        before, after = (
            Cluster(namespaces=labels, pods=PODS, policies=(*others, x.policy))
            for x in (good, bad)
        )
        for packet in PACKETS:
            if judge(after, packet).allowed:
                assert judge(before, packet).allowed, (packet, bad.flaws)


def ruin_of(spec: Body, data: st.DataObject) -> Any:
    found = list(ruined(spec))
    return data.draw(st.sampled_from(found)) if found else None


@given(network_policies(), st.data())
def test_ruined_network_policy_allows_no_more(spec: Body, data: st.DataObject) -> None:
    bad = ruin_of(spec, data)
    if bad is not None:
        check(read_network_policy(spec), read_network_policy(bad))


@pytest.mark.slow
@given(cluster_network_policies(), st.data())
def test_ruined_cluster_policy_allows_no_more(spec: Body, data: st.DataObject) -> None:
    bad = ruin_of(spec, data)
    check(read_cluster_network_policy(spec), read_cluster_network_policy(bad))
