"""NetworkPolicies and ClusterNetworkPolicies as users write them, and damaged.

Each is read, or named unreadable; what was read compiles, and the rules do what the
judge says; an unreadable part opens nothing.
"""

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from sim.policy.judging import accepts
from tests.core.policy.test_compared import link_of
from tests.fuzz.choices import Choices, damaged, torn
from tests.kube.policy.test_ruins import PACKETS, PODS
from vcnd.core.policy.compiler import compile_rules
from vcnd.core.policy.judge import judge
from vcnd.kube.policy import policies
from vcnd.kube.policy.wire import ClusterNetworkPolicy, NetworkPolicy
from vcnd.model.policy import Cluster, Policy

NETWORK: Any = {
    "metadata": {"namespace": "blue", "name": "read"},
    "spec": {
        "podSelector": {
            "matchLabels": {"app": "a"},
            "matchExpressions": [{"key": "team", "operator": "In", "values": ["a"]}],
        },
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {
                "from": [
                    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.4/30"]}},
                    {"namespaceSelector": {}, "podSelector": {"matchLabels": {}}},
                ],
                "ports": [
                    {"port": 80, "endPort": 8080, "protocol": "TCP"},
                    {"port": "web"},
                ],
            }
        ],
        "egress": [{"to": [{"podSelector": {}}]}, {}],
    },
}
CLUSTER: Any = {
    "metadata": {"name": "read"},
    "spec": {
        "tier": "Admin",
        "priority": 3,
        "subject": {"pods": {"namespaceSelector": {}, "podSelector": {}}},
        "ingress": [
            {
                "name": "one",
                "action": "Deny",
                "from": [{"namespaces": {"matchLabels": {"team": "a"}}}],
                "protocols": [
                    {"tcp": {"destinationPort": {"number": 80}}},
                    {"udp": {"destinationPort": {"range": {"start": 1, "end": 99}}}},
                    {"destinationNamedPort": "web"},
                ],
            }
        ],
        "egress": [
            {"action": "Pass", "to": [{"networks": ["10.0.0.0/29", "fd00::/8"]}]},
            {"action": "Accept", "to": [{"pods": {"podSelector": {}}}]},
        ],
    },
}
LABELS = {"blue": {"team": "a"}, "green": {"app": "b"}}


def run(data: bytes) -> None:
    """Read a policy, compile it, and judge by it."""
    choices = Choices(data)
    kind = choices.below(4)
    is_cluster = bool(kind & 1)
    body = damaged(CLUSTER if is_cluster else NETWORK, choices)
    text = json.dumps(body).encode()
    policy = _read(torn(text, choices) if kind > 1 else text, is_cluster=is_cluster)
    if policy is None:
        return
    cluster = Cluster(namespaces=LABELS, pods=PODS, policies=(policy,))
    here = [link_of(pod) for pod in PODS]
    rules = compile_rules(cluster, here)
    for packet in PACKETS:
        allowed = all(d.allowed for d in judge(cluster, packet).decisions)
        if accepts(rules, here, packet) != allowed:
            raise AssertionError(f"rules and judge differ: {packet} by {policy}")


def _read(text: bytes, *, is_cluster: bool) -> Policy | None:
    try:
        if is_cluster:
            whole = msgspec.json.decode(text, type=ClusterNetworkPolicy)
            return policies.cluster_network_policy(whole).policy
        one = msgspec.json.decode(text, type=NetworkPolicy)
        return policies.network_policy(one).policy
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # the cache skips it (target ``lists``)


def seeds() -> Iterable[bytes]:
    """Return both kinds, whole and damaged."""
    for kind in range(4):
        yield bytes([kind])
        for edit in range(32):
            yield bytes([kind, 1, 1, 5, 1, edit, 5, edit % 7, 5, edit, 2, edit])
