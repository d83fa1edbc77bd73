"""Small clusters, with policies of all tiers, and packets in them.

There are few labels, ports and networks, so that selectors, rules and blocks often
match.
"""

from ipaddress import ip_network

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


def _within(network: str) -> tuple[str, ...]:
    """Return the networks that are parts of one."""
    whole = ip_network(network)
    return tuple(
        n
        for n in NETWORKS
        if (part := ip_network(n)).version == whole.version
        and part != whole
        and whole.supernet_of(part)  # type: ignore[arg-type]
    )


WITHIN = {network: _within(network) for network in NETWORKS}


def labels() -> st.SearchStrategy[Labels]:
    """Return labels of namespaces and pods."""
    return st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))


def selectors() -> st.SearchStrategy[Selector]:
    """Return selectors; every other one selects everything."""
    keys = st.sampled_from(KEYS)
    values = st.frozensets(st.sampled_from(VALUES), min_size=1)
    of_values = st.sampled_from([Operator.IN, Operator.IN, Operator.NOT_IN])
    of_keys = st.sampled_from([Operator.EXISTS, Operator.DOES_NOT_EXIST])
    requirements = st.builds(Requirement, keys, of_values, values) | st.builds(
        Requirement, keys, of_keys
    )
    some = st.frozensets(requirements, min_size=1, max_size=2)
    return st.just(EVERYTHING) | some.map(Selector)


def some_pods() -> st.SearchStrategy[Pods]:
    """Return pods of one namespace, and of those that a selector selects."""
    by_name = st.builds(Pods, namespace=st.sampled_from(NAMESPACES), pods=selectors())
    return by_name | st.builds(Pods, namespaces=selectors(), pods=selectors())


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    """Return a block; where networks of ours are part of it, some may be excepted."""
    network = draw(st.sampled_from(NETWORKS))
    parts = WITHIN[network]
    if not parts:
        return Block(network=network)
    excepted = draw(st.lists(st.sampled_from(parts), max_size=2, unique=True))
    return Block(network=network, excepted=tuple(excepted))


def peers() -> st.SearchStrategy[Peer]:
    """Return peers of a rule."""
    return some_pods() | blocks()


@st.composite
def port_ranges(draw: st.DrawFn) -> PortRange:
    """Return one port, a range, or all ports of a protocol."""
    protocol = draw(st.sampled_from(Protocol))
    numbers = st.sampled_from((FIRST_PORT, *NUMBERS, LAST_PORT))
    first = draw(numbers)
    last = first if draw(st.booleans()) else draw(numbers)
    return PortRange(protocol=protocol, first=min(first, last), last=max(first, last))


def ports() -> st.SearchStrategy[Port]:
    """Return ports of a rule."""
    named = st.builds(
        NamedPort,
        name=st.sampled_from(PORT_NAMES),
        protocol=st.none() | st.sampled_from(Protocol),
    )
    return port_ranges() | named


def rules(tier: Tier) -> st.SearchStrategy[Rule]:
    """Return rules of a tier's policies."""
    actions = [Action.ACCEPT] if tier is Tier.NAMESPACE else list(Action)
    return st.builds(
        Rule,
        peers=st.none() | st.lists(peers(), max_size=3).map(tuple),
        ports=st.none() | st.lists(ports(), max_size=3).map(tuple),
        action=st.sampled_from(actions),
        name=st.sampled_from(["", "named"]),
    )


@st.composite
def policies(draw: st.DrawFn, name: str = "policy", tier: Tier | None = None) -> Policy:
    """Return a policy with a name, of one tier or of any.

    Those of the tier of namespaces are about pods of their own namespace, as the API
    has it.
    """
    tier = draw(st.sampled_from(Tier)) if tier is None else tier
    lists = st.none() | st.lists(rules(tier), max_size=3).map(tuple)
    if tier is Tier.NAMESPACE:
        namespace, priority = draw(st.sampled_from(NAMESPACES)), 0
        subject = Pods(namespace=namespace, pods=draw(selectors()))
    else:
        namespace, priority = "", draw(st.integers(0, 2))
        subject = draw(st.builds(Pods, namespaces=selectors(), pods=selectors()))
    return Policy(
        ref=PolicyRef(tier, namespace, name),
        subject=subject,
        priority=priority,
        ingress=draw(lists),
        egress=draw(lists),
    )


@st.composite
def container_ports(draw: st.DrawFn) -> tuple[ContainerPort, ...]:
    """Return a pod's named ports: a name has other numbers in other pods."""
    names = draw(st.lists(st.sampled_from(PORT_NAMES), unique=True))
    return tuple(
        ContainerPort(
            name, draw(st.sampled_from(Protocol)), draw(st.sampled_from(NUMBERS))
        )
        for name in names
    )


@st.composite
def clusters(draw: st.DrawFn) -> Cluster:
    """Return a cluster: three to five pods, most dual stack, and up to six policies.

    Policies' names are not in the order of the list.
    """
    namespaces = NAMESPACES[: draw(st.integers(2, len(NAMESPACES)))]
    pods = [
        PolicyPod(
            namespace=draw(st.sampled_from(namespaces)),
            name=f"pod{number}",
            labels=draw(labels()),
            addresses=draw(st.sampled_from([both, both, both[:1], both[1:]])),
            ports=draw(container_ports()),
            node=draw(st.sampled_from(list(NODES))),
        )
        for number in range(1, 1 + draw(st.integers(3, 5)))
        for both in [(f"10.0.0.{number}", f"fd00::{number}")]
    ]
    names = [f"policy{number}" for number in range(draw(st.integers(0, 6)))]
    return Cluster(
        namespaces={name: draw(labels()) for name in namespaces},
        pods=tuple(pods),
        policies=tuple(draw(policies(name)) for name in draw(st.permutations(names))),
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
    same_family = [a for a in (*pods, *nodes, *OUTSIDE) if (":" in a) == (":" in one)]
    ends = [one, draw(st.sampled_from(same_family))]
    if draw(st.booleans()):
        ends.reverse()
    protocol = draw(st.sampled_from([*Protocol, Protocol.TCP, None]))
    return Packet(
        source=ends[0],
        destination=ends[1],
        protocol=protocol,
        port=draw(st.sampled_from(NUMBERS)) if protocol else 0,
    )
