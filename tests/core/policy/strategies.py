"""Small clusters, with policies of all tiers, and packets in them.

There are few labels, ports and networks, so that selectors, rules and blocks often
match.
"""

from collections.abc import Sequence
from functools import cache
from ipaddress import ip_network
from itertools import combinations, product
from typing import TypeVar

from hypothesis import strategies as st

from vcnd.model.policy import (
    EVERYTHING,
    FIRST_PORT,
    LAST_PORT,
    Action,
    Block,
    Cluster,
    ContainerPort,
    Labels,
    NamedPort,
    Operator,
    Packet,
    Peer,
    Pods,
    Policy,
    PolicyPod,
    PolicyRef,
    Port,
    PortRange,
    Protocol,
    Requirement,
    Rule,
    Selector,
    Tier,
)

_T = TypeVar("_T")

NAMESPACES = ("blue", "green", "red")
KEYS = ("app", "team")
VALUES = ("a", "b")
NUMBERS = (53, 80, 81, 443, 8080)
PORT_NAMES = ("dns", "web")
NODES = {
    "one": ("10.1.0.1", "fd01::1"),
    "two": ("10.1.0.2", "fd01::2"),
}
OUTSIDE = ("192.0.2.7", "192.0.2.200", "10.0.0.6", "2001:db8::7", "fd00::6")
"""Addresses of no pod and no node; some are in a block with pods."""
NETWORKS = (
    *("0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/29", "10.0.0.2/31", "10.0.0.3/32"),
    *("10.0.0.4/30", "10.1.0.0/24", "10.1.0.1/32", "192.0.2.0/24", "192.0.2.128/25"),
    *("::/0", "fd00::/8", "fd00::/125", "fd00::2/127", "fd00::3/128", "fd00::4/126"),
    *("fd01::/64", "fd01::1/128", "2001:db8::/32"),
)
"""They contain each other, pods, nodes, and addresses outside."""


def _is_part(network: str, of: str) -> bool:
    """Return True if a network is a part of another."""
    part, whole = ip_network(network), ip_network(of)
    return network != of and part.version == whole.version and part[0] in whole


def _subsets(whole: Sequence[_T], most: int) -> list[tuple[_T, ...]]:
    """Return the subsets of up to so many elements, small ones first."""
    return [s for size in range(most + 1) for s in combinations(whole, size)]


LABELS = [
    dict(zip(KEYS, values, strict=True)) for values in product(VALUES, repeat=len(KEYS))
]
LABELS += [{key: value} for key in KEYS for value in VALUES] + [{}]
REQUIREMENTS = [
    *(Requirement(k, Operator.IN, frozenset({v})) for k in KEYS for v in VALUES),
    *(Requirement(k, Operator.NOT_IN, frozenset({v})) for k in KEYS for v in VALUES),
    *(Requirement(k, Operator.IN, frozenset(VALUES)) for k in KEYS),
    *(Requirement(k, Operator.EXISTS) for k in KEYS),
    *(Requirement(k, Operator.DOES_NOT_EXIST) for k in KEYS),
]
SELECTORS = [Selector(frozenset(some)) for some in _subsets(REQUIREMENTS, 2)]
BLOCKS = [
    Block(network=network, excepted=excepted)
    for network in NETWORKS
    for excepted in _subsets([n for n in NETWORKS if _is_part(n, network)], 2)
]
PORTS: list[Port] = [
    *(PortRange(protocol=p) for p in Protocol),
    *(PortRange(protocol=p, first=n, last=n) for p in Protocol for n in NUMBERS),
    *(
        PortRange(protocol=p, first=first, last=last)
        for p in Protocol
        for first, last in combinations((FIRST_PORT, *NUMBERS, LAST_PORT), 2)
    ),
    *(NamedPort(name=n, protocol=p) for n in PORT_NAMES for p in (None, *Protocol)),
]
CONTAINER_PORTS = [
    (ContainerPort("dns", *dns), ContainerPort("web", *web))
    for dns, web in product(product(Protocol, NUMBERS), repeat=2)
]
"""A name has other numbers in other pods."""
TIERS = (Tier.NAMESPACE, Tier.ADMIN, Tier.BASELINE, Tier.NAMESPACE)
NAMES = ("d", "a", "f", "b", "e", "c")
"""Of policies: their order is not that of the list."""
NUMBERS_OF_POLICIES = (1, 2, 3, 4, 5, 6, 4, 5, 6, 0)


@cache
def labels() -> st.SearchStrategy[Labels]:
    """Return labels of namespaces and pods."""
    return st.sampled_from(LABELS)


@cache
def selectors() -> st.SearchStrategy[Selector]:
    """Return selectors; most of them select everything."""
    return st.sampled_from([EVERYTHING] * 2 * len(SELECTORS) + SELECTORS)


@cache
def peers() -> st.SearchStrategy[Peer]:
    """Return peers of a rule."""
    named = st.builds(Pods, namespace=st.sampled_from(NAMESPACES), pods=selectors())
    selected = st.builds(Pods, namespaces=selectors(), pods=selectors())
    return named | selected | st.sampled_from(BLOCKS)


@cache
def rules(tier: Tier) -> st.SearchStrategy[Rule]:
    """Return rules of a tier's policies."""
    actions = [Action.ACCEPT] if tier is Tier.NAMESPACE else list(Action)
    return st.builds(
        Rule,
        peers=st.none() | st.lists(peers(), max_size=3).map(tuple),
        ports=st.none() | st.lists(st.sampled_from(PORTS), max_size=3).map(tuple),
        action=st.sampled_from(actions),
        name=st.sampled_from(["", "named"]),
    )


@cache
def rule_lists(tier: Tier) -> st.SearchStrategy[tuple[Rule, ...] | None]:
    """Return the rules of a policy's direction."""
    one = st.tuples(rules(tier))
    some = st.lists(rules(tier), min_size=1, max_size=3).map(tuple)
    return st.none() | one | some | st.just(())


@st.composite
def policies(draw: st.DrawFn, name: str = "policy", tier: Tier | None = None) -> Policy:
    """Return a policy with a name, of one tier or of any.

    Those of the tier of namespaces are about pods of their own namespace, as the API
    has it.
    """
    tier = draw(st.sampled_from(TIERS)) if tier is None else tier
    if tier is Tier.NAMESPACE:
        namespace, priority = draw(st.sampled_from(NAMESPACES)), 0
        subject = Pods(namespace=namespace, pods=draw(selectors()))
    else:
        namespace, priority = "", draw(st.integers(0, 2))
        subject = Pods(namespaces=draw(selectors()), pods=draw(selectors()))
    return Policy(
        ref=PolicyRef(tier, namespace, name),
        subject=subject,
        priority=priority,
        ingress=draw(rule_lists(tier)),
        egress=draw(rule_lists(tier)),
    )


@st.composite
def clusters(draw: st.DrawFn) -> Cluster:
    """Return a cluster: three to five pods, most dual stack, and up to six policies."""
    namespaces = NAMESPACES[: draw(st.integers(2, len(NAMESPACES)))]
    pods = [
        PolicyPod(
            namespace=draw(st.sampled_from(namespaces)),
            name=f"pod{number}",
            labels=draw(labels()),
            addresses=draw(st.sampled_from([both, both, both[:1], both[1:]])),
            ports=draw(st.sampled_from(CONTAINER_PORTS))[: draw(st.integers(0, 2))],
            node=draw(st.sampled_from(list(NODES))),
        )
        for number in range(1, 1 + draw(st.integers(3, 5)))
        for both in [(f"10.0.0.{number}", f"fd00::{number}")]
    ]
    number_of_policies = draw(st.sampled_from(NUMBERS_OF_POLICIES))
    return Cluster(
        namespaces={name: draw(labels()) for name in namespaces},
        pods=tuple(pods),
        policies=tuple(draw(policies(name)) for name in NAMES[:number_of_policies]),
        nodes=NODES,
    )


@st.composite
def packets(draw: st.DrawFn, cluster: Cluster) -> Packet:
    """Return a packet of one family; at least one end is a pod.

    A node's address is an end, too: packets between a pod and its own node are always
    allowed, and the forward hook never sees them.
    """
    pods = [address for pod in cluster.pods for address in pod.addresses]
    nodes = [address for addresses in cluster.nodes.values() for address in addresses]
    one = draw(st.sampled_from(pods))
    others = [a for a in (*pods, *nodes, *OUTSIDE) if (":" in a) == (":" in one)]
    others.sort(key=one.__eq__)  # the simplest example is not a pod's talk to itself
    ends = [one, draw(st.sampled_from(others))]
    if draw(st.booleans()):
        ends.reverse()
    protocol = draw(st.sampled_from([*Protocol, Protocol.TCP, None]))
    return Packet(
        source=ends[0],
        destination=ends[1],
        protocol=protocol,
        port=draw(st.sampled_from(NUMBERS)) if protocol else 0,
    )
