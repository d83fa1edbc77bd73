"""Network policies, and the pods that they are about, as values.

Two kinds of Kubernetes objects become one kind of value, ``Policy``: NetworkPolicy
(networking.k8s.io/v1) and ClusterNetworkPolicy (policy.networking.k8s.io/v1alpha2).
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum, StrEnum

import msgspec

Labels = Mapping[str, str]

FIRST_PORT, LAST_PORT = 0, 65535


class Protocol(StrEnum):
    """A protocol with ports, by its name in Kubernetes."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"


class Direction(StrEnum):
    """The direction of a connection, as seen from the pod that is judged."""

    INGRESS = "Ingress"
    EGRESS = "Egress"


class Tier(IntEnum):
    """Who made a policy; the lower one is asked first."""

    ADMIN = 0
    """ClusterNetworkPolicy: what users of namespaces cannot change."""
    NAMESPACE = 1
    """NetworkPolicy."""
    BASELINE = 2
    """ClusterNetworkPolicy: for pods that no NetworkPolicy isolates."""


class Action(StrEnum):
    """What a rule does with a connection that it matches."""

    ACCEPT = "Accept"
    DENY = "Deny"
    PASS = "Pass"  # noqa: S105 - an action, no password
    """Leave it to the next tier."""


class Operator(StrEnum):
    """How a requirement looks at a label."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class Requirement(msgspec.Struct, frozen=True):
    """What a selector asks of one label."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()
    """Of ``IN`` and ``NOT_IN``; never empty there."""


class Selector(msgspec.Struct, frozen=True):
    """Selects objects by their labels: all requirements hold; without any, all objects.

    ``matchLabels`` are requirements by ``IN`` with one value.
    """

    requirements: frozenset[Requirement] = frozenset()


EVERYTHING = Selector()


class Pods(msgspec.Struct, frozen=True, kw_only=True):
    """Pods by the labels of their namespace and their own.

    Never pods in the network of their node (``hostNetwork``).
    """

    namespace: str = ""
    """The only namespace, by its name; empty: any that ``namespaces`` selects."""
    namespaces: Selector = EVERYTHING
    pods: Selector = EVERYTHING


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses in a network, those in some smaller ones left out."""

    network: str
    """In CIDR form, without host bits."""
    excepted: tuple[str, ...] = ()


Peer = Pods | Block


class PortRange(msgspec.Struct, frozen=True, kw_only=True):
    """Ports of a protocol, at the destination."""

    protocol: Protocol
    first: int = FIRST_PORT
    last: int = LAST_PORT


class NamedPort(msgspec.Struct, frozen=True, kw_only=True):
    """A port by the name that it has in the destination's pod; other pods have none."""

    name: str
    protocol: Protocol | None = None
    """None: of any protocol."""


Port = PortRange | NamedPort


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Matches connections with one of the peers and to one of the ports."""

    peers: tuple[Peer, ...] | None = None
    """Sources of ingress, destinations of egress; None: all; empty: none."""
    ports: tuple[Port, ...] | None = None
    """None: everything, of all protocols; empty: nothing."""
    action: Action = Action.ACCEPT
    name: str = ""


class PolicyRef(msgspec.Struct, frozen=True, order=True):
    """Names a policy."""

    tier: Tier
    namespace: str
    """Empty for those of a cluster."""
    name: str

    def __str__(self) -> str:
        """Return it as ``namespace/name``, or the name alone."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy.

    In the tier of namespaces it isolates its subjects in each direction that it has
    rules for, also where there is no rule in the list: what no rule of any such policy
    matches is denied.  In the other tiers the first rule that matches decides, in the
    order of priority, name and position; what none matches goes to the next tier.
    """

    ref: PolicyRef
    subject: Pods
    priority: int = 0
    """In its tier: the least one is asked first.  The tier of namespaces has none."""
    ingress: tuple[Rule, ...] | None = None
    """None: it says nothing about this direction."""
    egress: tuple[Rule, ...] | None = None

    def rules(self, direction: Direction) -> tuple[Rule, ...] | None:
        """Return the rules of a direction."""
        return self.ingress if direction is Direction.INGRESS else self.egress


class ContainerPort(msgspec.Struct, frozen=True):
    """A port that a pod's spec names."""

    name: str
    protocol: Protocol
    number: int


class PolicyPod(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A pod as policies see it; pods in their node's network are never among these."""

    namespace: str
    name: str
    labels: Labels
    addresses: tuple[str, ...]
    ports: tuple[ContainerPort, ...] = ()
    node: str = ""
    uid: str = ""
    """As the runtime knows it; empty: not known."""


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """What decides about packets."""

    namespaces: Mapping[str, Labels]
    """The labels of each namespace; one that is missing is not known yet."""
    pods: tuple[PolicyPod, ...] = ()
    policies: tuple[Policy, ...] = ()
    nodes: Mapping[str, tuple[str, ...]] = {}
    """The addresses of each node."""


class Packet(msgspec.Struct, frozen=True, kw_only=True):
    """The first packet of a connection, after its destination was translated."""

    source: str
    destination: str
    protocol: Protocol | None = None
    """None: one without ports, such as ICMP."""
    port: int = 0
    """The destination's."""


class Attached(msgspec.Struct, frozen=True, kw_only=True):
    """A pod's link on this node."""

    link: str
    addresses: tuple[str, ...]
    namespace: str = ""
    """Empty with ``name`` where the link does not tell them: its uid may."""
    name: str = ""
    uid: str = ""
    """Empty: not known."""

    def is_of(self, pod: PolicyPod) -> bool:
        """Return True if it is a pod's link; another pod of that name has another uid.

        A pod may be made again under its name, and be known later than its link.
        """
        if (self.namespace, self.name) != (pod.namespace, pod.name):
            return False
        return not self.uid or not pod.uid or self.uid == pod.uid


Known = Mapping[tuple[str, str], Sequence[str]]
"""Addresses of pods on this node, by namespace and name."""


def known_of(here: Iterable[Attached]) -> Known:
    """Return the addresses of pods by their links.

    A pod has two links while its sandbox is made again, or its name another pod's.
    """
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for attached in here:
        if attached.name:
            named = attached.namespace, attached.name
            found[named] = (*found.get(named, ()), *attached.addresses)
    return found
