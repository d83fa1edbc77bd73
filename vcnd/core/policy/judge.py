"""Whether policies allow a connection, straight from what the APIs promise.

It shares nothing with the compiler of rules but selectors, so each can check the other.
Sources: the reference of NetworkPolicy (networking.k8s.io/v1) and its page among the
concepts of Kubernetes; clusternetworkpolicy_types.go of
sigs.k8s.io/network-policy-api v0.2.0.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum, StrEnum
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

import msgspec
from msgspec.structs import replace

from vcnd.core.policy.selectors import matches
from vcnd.model.policy import (
    Action,
    Block,
    Cluster,
    Direction,
    NamedPort,
    Packet,
    Peer,
    Pods,
    Policy,
    PolicyPod,
    PolicyRef,
    Port,
    PortRange,
    Rule,
    Tier,
)

KEPT = 4096
"""Addresses and networks that are read once."""


class Ground(StrEnum):
    """Why one side of a connection is allowed or denied."""

    ITSELF = "itself"
    """The pod talks to itself."""
    NODE = "node"
    """The pod's own node is the other end."""
    HELD = "held"
    """The labels of the pod's namespace are not known yet, so it is closed."""
    RULE = "rule"
    """A rule matches."""
    ISOLATED = "isolated"
    """Policies of the tier of namespaces isolate the pod, and no rule matches."""
    NOTHING = "nothing"
    """No policy decides, so all is allowed."""


class _Match(IntEnum):
    """Whether something matches."""

    NO = 0
    PERHAPS = 1
    """As far as it is known."""
    YES = 2


class RuleRef(msgspec.Struct, frozen=True, kw_only=True):
    """Names a rule of a policy."""

    policy: PolicyRef
    index: int
    """In the policy's list of the direction, from 0."""
    name: str = ""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What policies say about one side of a connection."""

    direction: Direction
    pod: str
    """The pod that is judged, as ``namespace/name``."""
    allowed: bool
    ground: Ground
    rule: RuleRef | None = None
    """The rule that decides, of ``RULE``."""
    isolating: tuple[PolicyRef, ...] = ()
    """The policies that isolate the pod, of ``ISOLATED``."""
    passed: tuple[RuleRef, ...] = ()
    """Rules that matched before, and left it to the next tier."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a connection is allowed, and why."""

    allowed: bool
    decisions: tuple[Decision, ...]
    """Egress of the source, ingress of the destination; none where it is no pod."""


class _Side(msgspec.Struct, frozen=True, kw_only=True):
    """A connection, as the pod at one of its ends sees it."""

    cluster: Cluster
    packet: Packet
    direction: Direction
    pod: PolicyPod
    peer: PolicyPod | None
    """The pod at the other end, if there is one."""
    policies: Mapping[Tier, Sequence[Policy]]
    """Those that speak of this side."""

    @property
    def peer_address(self) -> str:
        """The other end's address."""
        ingress = self.direction is Direction.INGRESS
        return self.packet.source if ingress else self.packet.destination

    @property
    def destination(self) -> PolicyPod | None:
        """The pod that the connection goes to, if it is one."""
        return self.pod if self.direction is Direction.INGRESS else self.peer


def judge(cluster: Cluster, packet: Packet) -> Verdict:
    """Return whether policies allow a connection to begin with a packet.

    Each end that is a pod has to allow it.  Addresses are compared as text: they stand
    in their canonical form, and each belongs to one pod at most.
    """
    return Judge(cluster).verdict(packet)


class Judge:
    """Judges many packets of one cluster: what they have in common is found once."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._at: dict[str, PolicyPod] = {}
        for pod in cluster.pods:
            for address in pod.addresses:
                self._at.setdefault(address, pod)
        self._speaking: dict[tuple[str, Direction], list[Policy]] = defaultdict(list)
        """By their subjects' namespace, empty for all, and the direction."""
        for policy in cluster.policies:
            for direction in Direction:
                if policy.rules(direction) is not None:
                    self._speaking[policy.subject.namespace, direction].append(policy)
        self._policies: dict[object, dict[Tier, list[Policy]]] = {}
        """By what policies select pods by, and the direction."""

    def pod_at(self, address: str) -> PolicyPod | None:
        """Return the pod that has an address."""
        return self._at.get(address)

    def policies(
        self, pod: PolicyPod, direction: Direction
    ) -> Mapping[Tier, Sequence[Policy]]:
        """Return each tier's policies that speak of a pod, in the order of asking.

        The API leaves open which of two policies with one priority is first: the name
        decides here.  It makes no difference in the tier of namespaces.
        """
        alike = pod.namespace, frozenset(pod.labels.items()), direction
        found = self._policies.get(alike)
        if found is None:
            found = self._policies[alike] = {tier: [] for tier in Tier}
            for namespace in ("", pod.namespace):
                for policy in self._speaking.get((namespace, direction), ()):
                    if _is_among(self._cluster, pod, policy.subject) is _Match.YES:
                        found[policy.ref.tier].append(policy)
            for some in found.values():
                some.sort(key=lambda policy: (policy.priority, policy.ref))
        return found

    def verdict(self, packet: Packet) -> Verdict:
        """Return what ``judge`` does."""
        source = self.pod_at(packet.source)
        destination = self.pod_at(packet.destination)
        ends = (
            (Direction.EGRESS, source, destination),
            (Direction.INGRESS, destination, source),
        )
        decisions = tuple(
            _decide(
                _Side(
                    cluster=self._cluster,
                    packet=packet,
                    direction=direction,
                    pod=pod,
                    peer=peer,
                    policies=self.policies(pod, direction),
                )
            )
            for direction, pod, peer in ends
            if pod is not None
        )
        allowed = all(decision.allowed for decision in decisions)
        return Verdict(allowed=allowed, decisions=decisions)


def _decide(side: _Side) -> Decision:
    """Return what policies say about one side.

    A pod is closed while its namespace is not known.  Otherwise neither its talk to
    itself nor its talk to its own node can be denied.
    """
    decision = Decision(
        direction=side.direction,
        pod=f"{side.pod.namespace}/{side.pod.name}",
        allowed=True,
        ground=Ground.NOTHING,
    )
    if side.peer is None and _is_own_node(side):
        return replace(decision, ground=Ground.NODE)
    if side.pod.namespace not in side.cluster.namespaces:
        return replace(decision, allowed=False, ground=Ground.HELD)
    if side.peer is side.pod:
        return replace(decision, ground=Ground.ITSELF)
    return _ask_tiers(side, decision)


def _is_own_node(side: _Side) -> bool:
    """Return True if the other end is the node that the pod runs on."""
    return side.peer_address in side.cluster.nodes.get(side.pod.node, ())


def _ask_tiers(side: _Side, undecided: Decision) -> Decision:
    """Return the decision of the first tier that makes one."""
    passed: tuple[RuleRef, ...] = ()
    for tier in Tier:
        policies = side.policies[tier]
        match = next(_matching_rules(side, policies), None)
        if match is not None:
            ref, action = match
            if action is Action.PASS:
                passed += (ref,)
                continue
            return replace(
                undecided,
                allowed=action is Action.ACCEPT,
                ground=Ground.RULE,
                rule=ref,
                passed=passed,
            )
        if tier is Tier.NAMESPACE and policies:
            return replace(
                undecided,
                allowed=False,
                ground=Ground.ISOLATED,
                isolating=tuple(policy.ref for policy in policies),
                passed=passed,
            )
    return replace(undecided, passed=passed)


def _matching_rules(
    side: _Side, policies: Sequence[Policy]
) -> Iterator[tuple[RuleRef, Action]]:
    """Yield the rules that match, in the order of asking, and what they do.

    One that perhaps matches must not let through what it might deny, or another that is
    asked after it: it denies.  One that accepts does not match then.
    """
    for policy in policies:
        for index, rule in enumerate(policy.rules(side.direction) or ()):
            action = rule.action
            match = _matches(side, rule)
            if match is _Match.PERHAPS:
                match = _Match.NO if action is Action.ACCEPT else _Match.YES
                action = Action.DENY
            if match is _Match.YES:
                ref = RuleRef(policy=policy.ref, index=index, name=rule.name)
                yield ref, action


def _matches(side: _Side, rule: Rule) -> _Match:
    """Return whether one of a rule's peers and one of its ports match."""
    if rule.ports is not None and not any(_is_port(side, p) for p in rule.ports):
        return _Match.NO
    if rule.peers is None:
        return _Match.YES
    return max((_is_peer(side, peer) for peer in rule.peers), default=_Match.NO)


def _certain(holds: bool) -> _Match:  # noqa: FBT001
    return _Match.YES if holds else _Match.NO


def _is_peer(side: _Side, peer: Peer) -> _Match:
    """Return whether a peer matches the other end: a block by the address alone."""
    match peer:
        case Block():
            return _certain(_contains(peer, side.peer_address))
        case Pods():
            if side.peer is None:
                return _Match.NO
            return _is_among(side.cluster, side.peer, peer)


def _contains(block: Block, address: str) -> bool:
    """Return True if an address is in a block, and in nothing that it excepts."""
    ip = _ip(address)
    if ip not in _network(block.network):
        return False
    return not any(ip in _network(network) for network in block.excepted)


@lru_cache(KEPT)
def _ip(text: str) -> IPv4Address | IPv6Address:
    return ip_address(text)


@lru_cache(KEPT)
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)


def _is_among(cluster: Cluster, pod: PolicyPod, pods: Pods) -> _Match:
    """Return whether a pod is selected; an unknown namespace may have any labels."""
    if not matches(pods.pods, pod.labels):
        return _Match.NO
    if pods.namespace:
        return _certain(pod.namespace == pods.namespace)
    labels = cluster.namespaces.get(pod.namespace)
    if labels is None:
        return _Match.PERHAPS if pods.namespaces.requirements else _Match.YES
    return _certain(matches(pods.namespaces, labels))


def _is_port(side: _Side, port: Port) -> bool:
    """Return True if a port matches the destination's."""
    protocol, number = side.packet.protocol, side.packet.port
    match port:
        case PortRange():
            return port.protocol is protocol and port.first <= number <= port.last
        case NamedPort():
            there = side.destination.ports if side.destination else ()
            return port.protocol in (None, protocol) and any(
                (p.name, p.protocol, p.number) == (port.name, protocol, number)
                for p in there
            )
