"""A cluster to try policies on: namespaces shop, bank and system.

``web`` and ``db`` are in shop, ``till`` in bank, ``dns`` in system.  ``near`` and
``far`` are outside, in one network.  A connection is written ``web>db``.
"""

from itertools import permutations

from vcnd.core.policy.judge import Verdict, judge
from vcnd.model.policy import (
    EVERYTHING,
    Cluster,
    ContainerPort,
    NamedPort,
    Operator,
    Packet,
    Pods,
    Policy,
    PolicyPod,
    PolicyRef,
    PortRange,
    Protocol,
    Requirement,
    Rule,
    Selector,
    Tier,
)

NAMESPACES = {
    "shop": {"team": "shop"},
    "bank": {"team": "bank"},
    "system": {"team": "ops"},
}
PODS = (
    PolicyPod(
        namespace="shop",
        name="web",
        labels={"app": "web"},
        addresses=("10.0.0.1", "fd00::1"),
        ports=(ContainerPort("http", Protocol.TCP, 80),),
        node="one",
    ),
    PolicyPod(
        namespace="shop",
        name="db",
        labels={"app": "db"},
        addresses=("10.0.0.2", "fd00::2"),
        ports=(ContainerPort("http", Protocol.TCP, 8080),),
        node="one",
    ),
    PolicyPod(
        namespace="bank",
        name="till",
        labels={"app": "web"},
        addresses=("10.0.0.3", "fd00::3"),
        node="two",
    ),
    PolicyPod(
        namespace="system",
        name="dns",
        labels={"app": "dns"},
        addresses=("10.0.0.4", "fd00::4"),
        ports=(ContainerPort("http", Protocol.UDP, 80),),
        node="two",
    ),
)
NODES = {"one": ("10.1.0.1", "fd01::1"), "two": ("10.1.0.2", "fd01::2")}
NEAR, FAR = "192.0.2.7", "192.0.2.200"
ADDRESSES = {pod.name: pod.addresses[0] for pod in PODS} | {"near": NEAR, "far": FAR}
PAIRS = {
    (source, destination)
    for source, destination in permutations(ADDRESSES, 2)
    if {source, destination} != {"near", "far"}
}


def all_to(*names: str) -> set[str]:
    """Return all connections to some pods."""
    return {f"{a}>{b}" for a, b in PAIRS if b in names}


def all_from(*names: str) -> set[str]:
    """Return all connections from some pods."""
    return {f"{a}>{b}" for a, b in PAIRS if a in names}


def denied(
    *policies: Policy, protocol: Protocol | None = Protocol.TCP, port: int = 80
) -> set[str]:
    """Return the connections to a port that policies deny."""
    return {
        f"{source}>{destination}"
        for source, destination in PAIRS
        if not ask(
            *policies,
            source=ADDRESSES[source],
            destination=ADDRESSES[destination],
            protocol=protocol,
            port=port,
        ).allowed
    }


def ask(
    *policies: Policy,
    source: str,
    destination: str,
    protocol: Protocol | None = Protocol.TCP,
    port: int = 80,
) -> Verdict:
    """Return the verdict on one connection."""
    cluster = Cluster(namespaces=NAMESPACES, pods=PODS, policies=policies, nodes=NODES)
    packet = Packet(
        source=source, destination=destination, protocol=protocol, port=port
    )
    return judge(cluster, packet)


def labelled(key: str, *values: str) -> Selector:
    """Return a selector of objects whose label has one of some values."""
    return Selector(frozenset({Requirement(key, Operator.IN, frozenset(values))}))


def port(number: int, last: int | None = None) -> PortRange:
    """Return a port of TCP, or a range."""
    return PortRange(protocol=Protocol.TCP, first=number, last=last or number)


def named(name: str, protocol: Protocol | None = Protocol.TCP) -> NamedPort:
    """Return a port by its name."""
    return NamedPort(name=name, protocol=protocol)


def network_policy(
    *,
    pods: Selector = EVERYTHING,
    ingress: tuple[Rule, ...] | None = None,
    egress: tuple[Rule, ...] | None = None,
    name: str = "rules",
    namespace: str = "shop",
) -> Policy:
    """Return a NetworkPolicy, in the namespace shop."""
    return Policy(
        ref=PolicyRef(Tier.NAMESPACE, namespace, name),
        subject=Pods(namespace=namespace, pods=pods),
        ingress=ingress,
        egress=egress,
    )


def cluster_policy(
    tier: Tier,
    *,
    subject: Pods | None = None,
    ingress: tuple[Rule, ...] | None = None,
    egress: tuple[Rule, ...] | None = None,
    name: str = "rules",
    priority: int = 0,
) -> Policy:
    """Return a ClusterNetworkPolicy, about all pods."""
    return Policy(
        ref=PolicyRef(tier, "", name),
        subject=subject or Pods(),
        priority=priority,
        ingress=ingress,
        egress=egress,
    )
