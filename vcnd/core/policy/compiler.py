"""Makes a node's rules of a cluster's policies."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from msgspec.structs import astuple, replace

from vcnd.core.policy.named_sets import NamedSets, digest
from vcnd.core.policy.pod_index import PodIndex
from vcnd.core.policy.rule_set import HOLD, OPEN, Chain, Line, Match, RuleSet
from vcnd.model.family import family_of
from vcnd.model.policy import (
    Action,
    Attached,
    Cluster,
    Direction,
    NamedPort,
    Peer,
    Pods,
    Policy,
    PolicyPod,
    PolicyRef,
    Port,
    Rule,
    Tier,
)

SHORT = {Direction.INGRESS: "in", Direction.EGRESS: "out"}
"""A direction in names."""


def compile_rules(cluster: Cluster, here: Sequence[Attached]) -> RuleSet:
    """Return the rules of a node.

    Args:
        cluster: what decides about packets.
        here: the pods' links on this node.
    """
    return _Compiler(cluster, here).rules(here)


class _Compiler:
    """Collects the chains and the sets of one rule set."""

    def __init__(self, cluster: Cluster, here: Sequence[Attached]) -> None:
        self._index = PodIndex(cluster, here)
        self._sets = NamedSets(self._index)
        self._families = sorted({family_of(x) for a in here for x in a.addresses})
        """No packet of another family comes from a pod here, or goes to one."""
        self._policies: dict[str, list[Policy]] = defaultdict(list)
        """By the namespace of their subjects; those of any namespace under ""."""
        for policy in cluster.policies:
            self._policies[policy.subject.namespace].append(policy)
        self._chains: dict[str, Chain] = {}

    def rules(self, here: Sequence[Attached]) -> RuleSet:
        """Return the rules."""
        egress: dict[str, str] = {}
        ingress: dict[str, str] = {}
        for attached in here:
            pod = self._index.pod(attached)
            egress[attached.link] = self._way(pod, Direction.EGRESS)
            way = self._way(pod, Direction.INGRESS)
            ingress |= dict.fromkeys(attached.addresses, way)
        return RuleSet(
            egress=egress, ingress=ingress, chains=self._chains, sets=self._sets.made
        )

    def _way(self, pod: PolicyPod | None, direction: Direction) -> str:
        """Return the name of the chain that judges a pod's packets."""
        if pod is None:
            return HOLD
        policies = [
            policy
            for policy in self._policies[""] + self._policies[pod.namespace]
            if policy.rules(direction) is not None
            and self._index.selects(policy.subject, pod)
        ]
        if not policies:
            return OPEN
        refs = sorted(policy.ref for policy in policies)
        # Not by the rules: a chain stays the same while they change.
        name = f"{SHORT[direction]}_{digest([astuple(ref) for ref in refs])}"
        if name not in self._chains:
            self._chains[name] = self._chain(direction, policies, refs)
        return name

    def _chain(
        self, direction: Direction, policies: Sequence[Policy], refs: list[PolicyRef]
    ) -> Chain:
        lines: dict[Tier, list[Line]] = {tier: [] for tier in Tier}
        for policy in sorted(policies, key=lambda p: (p.priority, p.ref)):
            place = refs.index(policy.ref)
            for number, rule in enumerate(policy.rules(direction) or ()):
                denies = rule.action is Action.DENY
                of = (place, number) if denies else None
                lines[policy.ref.tier] += self._lines(direction, rule, of)
        isolated = any(p.ref.tier is Tier.NAMESPACE for p in policies)
        then = _distinct(lines[Tier.BASELINE])
        if isolated:
            # All accept, so they have no order: this one is always the same.
            then = sorted(set(lines[Tier.NAMESPACE]), key=lambda x: x.match.order)
        return Chain(
            direction=direction,
            policies=tuple(refs),
            admin=tuple(_distinct(lines[Tier.ADMIN])),
            lines=tuple(then),
            otherwise=Action.DENY if isolated else Action.ACCEPT,
        )

    def _lines(
        self, direction: Direction, rule: Rule, of: tuple[int, int] | None
    ) -> Iterator[Line]:
        """Yield a line for each peer and port."""
        for match in self._peers(rule.peers):
            for whole in self._ports(direction, match, rule.ports):
                yield Line(whole, rule.action, of)

    def _peers(self, peers: Sequence[Peer] | None) -> Iterator[Match]:
        if peers is None:
            yield Match()
        for peer in peers or ():
            if isinstance(peer, Pods):
                for family in self._families:
                    yield Match(family=family, peers=self._sets.pods(peer, family))
            elif (family := family_of(peer.network)) in self._families:
                everywhere = peer.network == family.everywhere
                yield Match(
                    family=family,
                    network="" if everywhere else peer.network,
                    excepted=self._sets.excepted(peer, family),
                )

    def _ports(
        self, direction: Direction, match: Match, ports: Sequence[Port] | None
    ) -> Iterator[Match]:
        if ports is None:
            yield match
        for port in ports or ():
            if isinstance(port, NamedPort):
                for family in (match.family,) if match.family else self._families:
                    name = self._sets.ports(direction, port, family)
                    yield replace(match, family=family, port_of=name)
            else:
                yield replace(
                    match, protocol=port.protocol, first=port.first, last=port.last
                )


def _distinct(lines: Sequence[Line]) -> list[Line]:
    """Return lines without those that do what one before them does."""
    first: dict[tuple[Match, Action], Line] = {}
    for line in lines:
        first.setdefault((line.match, line.action), line)
    return list(first.values())
