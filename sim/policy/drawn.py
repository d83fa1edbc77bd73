"""Network policies that a seed draws: few labels, so that they often concern pods."""

from random import Random
from typing import Any

from sim.kubernetes.resources import Body

CONTAINERS: list[Body] = [
    {
        "name": "c",
        "image": "c",
        "ports": [{"name": "web", "containerPort": 80, "protocol": "TCP"}],
    }
]
"""Those of pods with the port that some policies name."""
NAMESPACES, APPS = ("red", "blue"), ("a", "b", "c")
PORTS: tuple[list[Body], ...] = ([], [{"port": 80}], [{"port": "web"}])
PROTOCOLS: tuple[list[Body], ...] = (
    [],
    [{"tcp": {"destinationPort": {"number": 80}}}],
    [{"destinationNamedPort": "web"}],
)
ENDS = (("ingress", "from"), ("egress", "to"))


def _app(random: Random) -> Body:
    return {"matchLabels": {"app": random.choice(APPS)}}


def _team(random: Random) -> Body:
    return {"matchLabels": {"team": random.choice(NAMESPACES)}}


def network_policy(random: Random) -> Body:
    """Return a NetworkPolicy; it often replaces another one."""
    rules: Body = {}
    for direction, end in ENDS:
        if random.random() < 0.6:
            ports = random.choice(PORTS)
            more = {"ports": ports} if ports else {}
            many = random.choice((0, 1, 1, 2))
            rules[direction] = [{end: _peers(random), **more} for _ in range(many)]
    return {
        "kind": "NetworkPolicy",
        "apiVersion": "networking.k8s.io/v1",
        "metadata": {
            "name": f"policy{random.randrange(3)}",
            "namespace": random.choice(NAMESPACES),
        },
        "spec": {
            "podSelector": random.choice(({}, _app(random))),
            "policyTypes": [d.capitalize() for d in rules] or ["Ingress"],
            **rules,
        },
    }


def _peers(random: Random) -> list[Body]:
    if random.random() < 0.5:
        return [{"podSelector": _app(random)}]
    return [{"podSelector": _app(random), "namespaceSelector": _team(random)}]


def cluster_policy(random: Random) -> Body:
    """Return a ClusterNetworkPolicy; it often replaces another one."""
    rules: dict[str, Any] = {}
    for direction, end in ENDS:
        if random.random() < 0.6:
            rules[direction] = [
                _cluster_rule(random, end) for _ in range(random.choice((1, 2)))
            ]
    return {
        "kind": "ClusterNetworkPolicy",
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "metadata": {"name": f"cluster{random.randrange(2)}"},
        "spec": {
            "tier": random.choice(("Admin", "Baseline")),
            "priority": random.randrange(3),
            "subject": _pods(random),
            **rules,
        },
    }


def _cluster_rule(random: Random, end: str) -> Body:
    protocols = random.choice(PROTOCOLS)
    more = {"protocols": protocols} if protocols else {}
    action = random.choice(("Accept", "Deny", "Pass"))
    return {"action": action, end: [_pods(random)], **more}


def _pods(random: Random) -> Body:
    if random.random() < 0.5:
        return {"namespaces": _team(random)}
    selectors = {"namespaceSelector": _team(random), "podSelector": _app(random)}
    return {"pods": selectors}
