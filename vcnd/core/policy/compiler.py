"""Makes a node's rules of a cluster's policies."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import astuple, replace

from vcnd.core.policy.named_sets import NamedSets, digest
from vcnd.core.policy.pod_index import Group, PodIndex, Touched
from vcnd.core.policy.rule_set import HOLD, OPEN, SHORT, Chain, Line, Match, RuleSet
from vcnd.model.family import Family, family_of
from vcnd.model.policy import (
    Action,
    Attached,
    Cluster,
    Direction,
    NamedPort,
    Peer,
    Pods,
    Policy,
    Port,
    Rule,
    Tier,
)


def compile_rules(
    cluster: Cluster, here: Sequence[Attached], *, unknown: str = HOLD, node: str = ""
) -> RuleSet:
    """Return the rules of a node.

    Args:
        cluster: what decides about packets.
        here: the pods' links on this node.
        unknown: what judges pods that the cluster does not know: ``HOLD`` or ``AJAR``.
        node: this node's name; empty: pods that come are not known before their links.
    """
    return Compiler(unknown, node).rules(cluster, here)


class _Lines(msgspec.Struct, frozen=True):
    """The lines of a policy in a direction."""

    policy: Policy
    lines: tuple[Line, ...]
    sets: frozenset[str]
    """Those that the lines name."""


class _Made(msgspec.Struct, frozen=True):
    """A chain, and what it was made of."""

    name: str
    chain: Chain
    policies: tuple[Policy, ...]
    sets: frozenset[str]


Ids = tuple[int, ...]
"""The identities of values that are kept beside them."""


class _Selecting(msgspec.Struct, frozen=True):
    """The policies that select the pods of a group in a direction."""

    policies: tuple[Policy, ...]
    ids: Ids

    @classmethod
    def of(cls, policies: Iterable[Policy], direction: Direction) -> "_Selecting":
        some = tuple(p for p in policies if p.rules(direction) is not None)
        return cls(some, tuple(sorted(map(id, some))))


class Compiler:
    """Compiles again and again, and keeps what a change does not concern.

    It tells by the identity of pods and policies whether they are others than before:
    who gives it clusters keeps their values as long as their objects do not change.
    """

    def __init__(self, unknown: str = HOLD, node: str = "") -> None:
        """Make it; the arguments are those of ``compile_rules``."""
        self._unknown = unknown
        self._index = PodIndex(node)
        self._sets = NamedSets(self._index)
        self._families: list[Family] = []
        """No packet of another family comes from a pod here, or goes to one."""
        self._all: tuple[Policy, ...] = ()
        self._policies: Mapping[str, Sequence[Policy]] = {}
        """By the namespace of their subjects; those of any namespace under ""."""
        self._selecting: dict[Group, dict[Direction, _Selecting]] = {}
        self._lines: dict[tuple[Direction, int], _Lines] = {}
        self._made: dict[tuple[Direction, Ids], _Made] = {}

    def rules(self, cluster: Cluster, here: Sequence[Attached]) -> RuleSet:
        """Return the rules of a node: those that ``compile_rules`` returns.

        Args:
            cluster: what decides about packets.
            here: the pods' links on this node.
        """
        touched = self._index.update(cluster, here)
        self._sets.update(touched)
        coming = self._index.coming()
        addresses = [*(a.addresses for a in here), *(pod.addresses for pod in coming)]
        families = sorted({family_of(x) for some in addresses for x in some})
        is_same = families == self._families
        if not is_same:
            self._families, self._lines, self._made = families, {}, {}
        self._take_policies(cluster.policies, touched)
        egress: dict[str, str] = {}
        ingress: dict[str, str] = {}
        made: dict[tuple[Direction, Ids], _Made] = {}
        for attached in here:
            pod = self._index.pod(attached)
            group = None if pod is None else self._index.group(pod)
            egress[attached.link] = self._way(group, Direction.EGRESS, made)
            way = self._way(group, Direction.INGRESS, made)
            ingress |= dict.fromkeys(attached.addresses, way)
        for pod in coming:
            # Their chains are there before their links: ADD waits for elements alone.
            group = self._index.group(pod)
            for direction in Direction:
                self._way(group, direction, made)
        if not is_same or made.keys() != self._made.keys():
            self._forget(made)
        return RuleSet(
            egress=egress,
            ingress=ingress,
            chains={x.name: x.chain for x in made.values()},
            sets=self._sets.values({n for x in made.values() for n in x.sets}),
            unknown=self._unknown,
        )

    def _take_policies(self, policies: tuple[Policy, ...], touched: Touched) -> None:
        before, now = _by_identity(self._all), _by_identity(policies)
        changed = set(touched.namespaces)
        if before.keys() != now.keys():
            changed |= {
                (before.get(key) or now[key]).subject.namespace
                for key in before.keys() ^ now.keys()
            }
            self._all, found = policies, defaultdict[str, list[Policy]](list)
            for policy in policies:
                found[policy.subject.namespace].append(policy)
            self._policies = found
        self._selecting = {
            group: some
            for group, some in self._selecting.items()
            if group.pods and "" not in changed and group.namespace not in changed
        }

    def _forget(self, made: dict[tuple[Direction, Ids], _Made]) -> None:
        """Forget what is not in use."""
        self._made = made
        used = {(key[0], one) for key in made for one in key[1]}
        self._lines = {key: x for key, x in self._lines.items() if key in used}
        self._sets.keep({name for x in self._lines.values() for name in x.sets})

    def _way(
        self,
        group: Group | None,
        direction: Direction,
        made: dict[tuple[Direction, Ids], _Made],
    ) -> str:
        """Return the name of the chain that judges the packets of a group's pods.

        Args:
            group: None: that of pods that are not known.
            direction: of the packets.
            made: takes the chain.
        """
        if group is None:
            return self._unknown
        chosen = self._policies_of(group)[direction]
        if not chosen.policies:
            return OPEN
        key = direction, chosen.ids
        if key not in made:
            made[key] = self._made.get(key) or self._make(direction, chosen.policies)
        return made[key].name

    def _policies_of(self, group: Group) -> dict[Direction, "_Selecting"]:
        found = self._selecting.get(group)
        if found is None:
            names = "", group.namespace
            there = (p for name in names for p in self._policies.get(name, ()))
            some = [p for p in there if self._index.selects(p.subject, group)]
            found = {x: _Selecting.of(some, x) for x in Direction}
            self._selecting[group] = found
        return found

    def _make(self, direction: Direction, policies: tuple[Policy, ...]) -> _Made:
        chain = self._chain(direction, policies)
        # Not by the rules: a chain stays the same while they change.
        name = f"{SHORT[direction]}_{digest([astuple(ref) for ref in chain.policies])}"
        return _Made(name, chain, policies, _sets((*chain.admin, *chain.lines)))

    def _chain(self, direction: Direction, policies: Sequence[Policy]) -> Chain:
        refs = sorted(policy.ref for policy in policies)
        places = {ref: place for place, ref in enumerate(refs)}
        lines: dict[Tier, list[Line]] = {tier: [] for tier in Tier}
        for policy in sorted(policies, key=lambda p: (p.priority, p.ref)):
            place = places[policy.ref]
            lines[policy.ref.tier] += (
                replace(x, of=(place, x.of[1])) if x.of else x
                for x in self._lines_of(direction, policy)
            )
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

    def _lines_of(self, direction: Direction, policy: Policy) -> tuple[Line, ...]:
        """Return a policy's lines, as if it were the first one of its chain."""
        key = direction, id(policy)
        found = self._lines.get(key)
        if found is None:
            rules = enumerate(policy.rules(direction) or ())
            lines = tuple(
                x for n, rule in rules for x in self._rule(direction, n, rule)
            )
            found = self._lines[key] = _Lines(policy, lines, _sets(lines))
        return found.lines

    def _rule(self, direction: Direction, number: int, rule: Rule) -> Iterator[Line]:
        """Yield a line for each peer and port.

        A rule that may match a pod whose namespace is not known yet denies, unless it
        accepts: then it does not match.
        """
        action, of = rule.action, (0, number)
        denies = action is Action.DENY
        for match in self._peers(rule.peers, perhaps=denies):
            for whole in self._ports(direction, match, rule.ports):
                yield Line(whole, action, of if denies else None)
        if action is Action.PASS:
            unsure = [x for x in rule.peers or () if _needs_namespaces(x)]
            for match in self._peers(unsure, perhaps=True):
                for whole in self._ports(direction, match, rule.ports):
                    yield Line(whole, Action.DENY, of)

    def _peers(self, peers: Sequence[Peer] | None, *, perhaps: bool) -> Iterator[Match]:
        if peers is None:
            yield Match()
        for peer in peers or ():
            if isinstance(peer, Pods):
                unsure = perhaps and _needs_namespaces(peer)
                for family in self._families:
                    name = self._sets.pods(peer, family, perhaps=unsure)
                    yield Match(family=family, peers=name)
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


def _needs_namespaces(peer: Peer) -> bool:
    """Return True if the labels of namespaces decide about a peer."""
    if isinstance(peer, Pods) and not peer.namespace:
        return bool(peer.namespaces.requirements)
    return False


def _distinct(lines: Sequence[Line]) -> list[Line]:
    """Return lines without those that do what one before them does."""
    first: dict[tuple[Match, Action], Line] = {}
    for line in lines:
        first.setdefault((line.match, line.action), line)
    return list(first.values())


def _sets(lines: Iterable[Line]) -> frozenset[str]:
    """Return the names of the sets that lines look into."""
    matches = (line.match for line in lines)
    names = {name for m in matches for name in (m.peers, m.excepted, m.port_of)}
    return frozenset(names - {""})


def _by_identity(policies: Iterable[Policy]) -> dict[int, Policy]:
    return {id(policy): policy for policy in policies}
