"""What vcnd-policy answers about policies, as ``vcndctl policy … --json`` prints it.

The names in JSON are an interface: fields are added, and none is renamed or removed.
docs/operations.md describes them.
"""

import msgspec

from vcnd.model.policy import Direction, Packet, Protocol


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """What a chain at the kernel's hook does with a packet."""

    table: str = ""
    chain: str
    """At the hook."""
    allowed: bool
    path: tuple[str, ...]
    """The chains that led there, the one that decided last."""
    handle: int
    """The rule that decided, in the last chain; 0: none did."""


class PolicyShown(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that selects a pod, and what it says about one direction."""

    kind: str
    """``NetworkPolicy``, or ``ClusterNetworkPolicy`` with its tier."""
    policy: str
    """Its name, with the namespace if it has one."""
    priority: int | None
    """None: its kind has none."""
    rules: tuple[str, ...]
    """In words; in the order in which they stand.  Of many the last text says how many
    there are more."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What the chain of a pod has counted; all pods that share it together."""

    accepted: int
    """New connections."""
    denied: int
    """Packets."""


class WayInForce(msgspec.Struct, frozen=True, kw_only=True):
    """What the kernel does with a pod's packets in one direction."""

    chain: str = ""
    """In the table ``inet vcnd-policy``; empty: none, or the pod is elsewhere."""
    number: int | None = None
    """Connections carry it that the chain has accepted; None: it judges each packet."""
    counts: Counts | None = None


class WayShown(msgspec.Struct, frozen=True, kw_only=True):
    """What policies say about a pod in one direction, and what is in force."""

    isolated: bool
    """Whether only what a rule allows is allowed."""
    policies: tuple[PolicyShown, ...]
    left_out: int = 0
    """How many policies are not here."""
    in_force: WayInForce = WayInForce()


class PodShown(msgspec.Struct, frozen=True, kw_only=True):
    """What policies say about a pod, and what is in force for it on this node."""

    pod: str
    addresses: tuple[str, ...]
    node: str
    link: str = ""
    """On this node; empty: the pod is elsewhere."""
    held: str = ""
    """Why all its packets are dropped; empty: they are not."""
    ajar: str = ""
    """Why all its packets are accepted for now; empty: they are not."""
    ingress: WayShown
    egress: WayShown


class SideExplained(msgspec.Struct, frozen=True, kw_only=True):
    """Why one side of a connection is allowed or denied."""

    direction: Direction
    pod: str
    allowed: bool
    ground: str
    """A value of ``core.policy.judge.Ground``, or ``held`` or ``ajar``."""
    sentences: tuple[str, ...]


class KernelCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules in force on this node do with a packet."""

    agrees: bool | None
    """None: nothing was compared."""
    why: str = ""
    """Why nothing was compared."""
    differences: tuple[str, ...] = ()
    """In what the kernel differs."""
    rulings: tuple[Ruling, ...] = ()


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one connection."""

    packet: Packet
    allowed: bool
    sides: tuple[SideExplained, ...]
    kernel: KernelCheck


class ExplainAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The verdicts on the connections that were asked about: one for each family."""

    connections: tuple[Explained, ...]


class DeniedFlows(msgspec.Struct, frozen=True, kw_only=True):
    """Connections that policies would deny, for one reason."""

    source: str
    """A pod, or an address."""
    destination: str
    protocol: Protocol | None
    """None: one without ports."""
    port: int
    """The destination's."""
    direction: Direction
    """The side that denies."""
    policies: tuple[str, ...]
    """The policy whose rule denies, or those that isolate the pod.  Of many the last
    text says how many there are more."""
    connections: int


class DryRunAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the connections there are now some policies would deny."""

    added: tuple[str, ...]
    """The policies that do not exist yet."""
    replaced: tuple[str, ...]
    """The policies that exist, and would be replaced."""
    connections: int
    """How many there are that begin or end in a pod of this node."""
    judged: int
    """Fewer, if there was no time for all."""
    denied: int
    """Of those judged: allowed now, and not then."""
    groups: tuple[DeniedFlows, ...]
    """The largest groups of them."""
    left_out: int
    """How many groups are not here."""
