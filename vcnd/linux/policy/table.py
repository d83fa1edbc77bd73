"""The nft table of network policies, as text for ``nft``.  Pure.

Two chains at the forward hook judge a packet: what comes from a pod's link, and what
goes to one.  Each judges for itself, for ``accept`` ends one of them only.  A map leads
from there to the pod's chain, so a packet costs the rules of that pod's policies, and
nothing for other pods, however many there are.

Packets between a node and its own pods are not forwarded, so they are not judged:
Kubernetes wants them to pass.

Closed until known: a packet from or to a pod's link that is in no map is dropped, but
not where unknown pods are open (``RuleSet.unknown``).  The maps ``jump``, and do not
``goto``: a packet that is judged while the table changes can find a chain that is new;
to it the chain is empty, it returns, and is dropped.

A connection carries the number (``core.policy.generations``) of the chain that accepted
it, one for each direction, in bits of its mark that vcnd does not use for routing.  All
that a chain accepts gets a number, so that ``policy_guard`` lets it pass.

New connections that a chain accepts are counted, and all packets that it drops
(``policy_drops``).  Packets of connections that go on pass no counter.
"""

import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from vcnd.core.policy.drops import Drop, Why
from vcnd.core.policy.generations import OF_OPEN, OF_OTHERS
from vcnd.core.policy.rule_set import (
    AJAR,
    HOLD,
    OPEN,
    SHORT,
    SIDES,
    Chain,
    Kind,
    Line,
    Match,
    NamedSet,
    RuleSet,
)
from vcnd.linux.layout import POLICY_TABLES
from vcnd.linux.nft_table import Filled, Table, read_chains
from vcnd.linux.nft_text import ADDRESS_KINDS, chain, quoted
from vcnd.linux.policy.drops import Drops, counted_of, counter_name
from vcnd.linux.policy.marks import OK, Marks
from vcnd.linux.services import SELECTORS
from vcnd.model.family import Family, family_of
from vcnd.model.policy import FIRST_PORT, LAST_PORT, Action, Direction

TABLE = POLICY_TABLES[0]
EGRESS_PRIORITY, INGRESS_PRIORITY = -5, -4
"""Before the chain that lets packets into the express lane (``lane.proof``)."""
OWN, STIRRED = "own", '"stirred" . "stirred"'
"""A set, and an element that is never in it (``nft.touch``): no link of a pod."""
INGRESS_MAPS = {Family.IPV4: "ingress4", Family.IPV6: "ingress6"}
ICMP = (socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6)
"""Protocols by number: nft takes most names from ``/etc/protocols``, which many images,
ours too, do not have."""
RELATED = [f"ct state related meta l4proto {kind} accept" for kind in ICMP]
"""An error about a connection is no part of it: it must not renew its number."""


class Writer:
    """Writes tables; what a change does not concern is the same value in both."""

    def __init__(
        self, *, marks: Marks, link_prefix: str, logged_per_second: int = 0
    ) -> None:
        """Make it.

        Args:
            marks: where connections carry the numbers.
            link_prefix: pods' links begin so.
            logged_per_second: so many of the packets that are dropped; 0: none.
        """
        self._marks, self._link_prefix = marks, link_prefix
        self.logged_per_second = logged_per_second
        self._drops = Drops(logged_per_second)
        self._written: dict[str, _Written] = {}

    def table(
        self,
        rules: RuleSet,
        numbers: Mapping[str, int],
        strangers: Sequence[str] = (),
    ) -> Table:
        """Return the table.

        Args:
            rules: what it does.
            numbers: those of the chains; one that has none judges each packet.
            strangers: others' links whose names look like pods'.
        """
        chains: dict[str, Sequence[str]] = {**self._fixed(rules.unknown, strangers)}
        filled = self._drops.objects({}) | _maps(rules)
        written = {}
        for name, judging in rules.chains.items():
            number, there = numbers.get(name), self._written.get(name)
            if there is None or (there.judging, there.number) != (judging, number):
                there = self._write(name, judging, number)
            written[name] = there
            chains |= there.chains
            filled |= there.counters
        self._written = written
        filled |= {name: _named_set(some) for name, some in rules.sets.items()}
        return Table(chains, filled)

    def _fixed(self, unknown: str, strangers: Sequence[str]) -> dict[str, list[str]]:
        """Return the chains that are the same for all rules."""
        itself = self._marks.giving(dict.fromkeys(Direction, OF_OTHERS))
        return read_chains(
            [
                *_unknown(unknown, self._drops),
                *_open(self._marks),
                *chain("always", *RELATED, f"iifname . oifname @{OWN} goto ok_own"),
                *chain("ok_own", itself, "accept"),
                *_base_chains(unknown, self._link_prefix, strangers, self._drops),
            ]
        )

    def _write(self, name: str, judging: Chain, number: int | None) -> "_Written":
        lines = _chain(name, judging, number, self._marks, self._drops)
        counters = self._drops.objects({name: judging})
        return _Written(judging, number, read_chains(lines), counters)


def render(
    rules: RuleSet,
    numbers: Mapping[str, int],
    *,
    marks: Marks,
    link_prefix: str,
    strangers: Sequence[str] = (),
    logged_per_second: int = 0,
) -> str:
    """Return a table as text (``nft_scripts`` brings it to the kernel).

    The arguments are those of ``Writer`` and of ``Writer.table``.
    """
    writer = Writer(
        marks=marks, link_prefix=link_prefix, logged_per_second=logged_per_second
    )
    return writer.table(rules, numbers, strangers).text(TABLE)


class _Written(msgspec.Struct, frozen=True):
    """A chain of the rules as it was written, with those that it leads to."""

    judging: Chain
    number: int | None
    chains: Mapping[str, Sequence[str]]
    counters: Mapping[str, Filled]


def _maps(rules: RuleSet) -> dict[str, Filled]:
    """Return the maps that lead to chains, and the set of pods' talk to themselves."""
    by_link = (
        f'"{link}" : jump {chain_of(way, Direction.EGRESS)}'
        for link, way in rules.egress.items()
    )
    own = (f'"{link}" . "{link}"' for link in rules.egress)
    found = {
        "egress": Filled("map", "type ifname : verdict;", frozenset(by_link)),
        OWN: Filled("set", "type ifname . ifname;", frozenset(own)),
    }
    for family, name in INGRESS_MAPS.items():
        by_address = (
            f"{address} : jump {chain_of(way, Direction.INGRESS)}"
            for address, way in rules.ingress.items()
            if family_of(address) is family
        )
        head = f"type {ADDRESS_KINDS[family]} : verdict;"
        found[name] = Filled("map", head, frozenset(by_address))
    return found


def chain_of(way: str, direction: Direction) -> str:
    """Return the name of the chain of a way (``RuleSet``).

    Those that many pods share are one in each direction.
    """
    return f"{way}_{SHORT[direction]}" if way in (HOLD, OPEN) else way


def _unknown(unknown: str, drops: Drops) -> Iterator[str]:
    if unknown == AJAR:
        # It gives no number: the pod's chain is to judge these connections, too.
        yield from chain(AJAR, "accept")
        return
    for direction in Direction:
        held = Drop(direction=direction, why=Why.HELD)
        yield from chain(chain_of(HOLD, direction), *drops.rules(held))


def _open(marks: Marks) -> Iterator[str]:
    for direction in Direction:
        yield from chain(
            chain_of(OPEN, direction),
            marks.known(direction, OF_OPEN),
            *RELATED,
            marks.giving({direction: OF_OPEN}),
            "accept",
        )


def _named_set(members: NamedSet) -> Filled:
    kind = ADDRESS_KINDS[members.family]
    if members.kind is Kind.PORTS:
        kind += " . inet_proto . inet_service"
    flags = " flags interval;" if members.kind is Kind.NETWORKS else ""
    return Filled("set", f"type {kind};{flags}", members.elements)


def _chain(
    name: str, judging: Chain, number: int | None, marks: Marks, drops: Drops
) -> Iterator[str]:
    direction = judging.direction
    accepted = counted_of(name, judging, None)
    # Rules that change judge connections again that they have accepted.
    counting = f'ct state new counter name "{counter_name(accepted)}"'
    ok, known, giving = f"accept_{name}", "", marks.giving({direction: OF_OTHERS})
    if number is not None:
        ok, known = f"{OK[direction]}{number}", marks.known(direction, number)
        giving = marks.giving({direction: number})
    yield from chain(ok, counting, giving, "accept")
    yield from _Judging(name, judging, f"goto {ok}", drops).text(known)


class _Judging:
    """A chain, and those that it leads to, as text."""

    def __init__(self, name: str, judging: Chain, accepted: str, drops: Drops) -> None:
        self._name, self._judging = name, judging
        self._accepted, self._drops = accepted, drops

    def text(self, known: str) -> Iterator[str]:
        """Yield the lines.

        Args:
            known: the first rule, about connections that go on.
        """
        name, judging = self._name, self._judging
        admin = f"admin_{name}" if judging.admin else ""
        lines = (*judging.admin, *judging.lines)
        denied = (self._denied(x) for x in lines if x.action is Action.DENY)
        yield from self._drops.chains(denied, judging.namespace)
        if admin:
            yield from chain(admin, *self._rules(judging.admin, passed="return"))
        last = [self._accepted]
        if judging.otherwise is Action.DENY:
            last = self._drops.rules(self._drop(Why.ISOLATED), judging.namespace)
        yield from chain(
            name,
            known,
            "jump always",
            f"jump {admin}" if admin else "",
            *self._rules(judging.lines, passed=self._accepted),
            *last,
        )

    def _rules(self, lines: Iterable[Line], passed: str) -> Iterator[str]:
        ingress = self._judging.direction is Direction.INGRESS
        peer = "saddr" if ingress else "daddr"
        verdicts = {Action.ACCEPT: self._accepted, Action.PASS: passed}
        for line in lines:
            verdict = verdicts.get(line.action)
            if verdict is None:
                drop, namespace = self._denied(line), self._judging.namespace
                verdict = self._drops.verdict(drop, namespace)
            yield " ".join((*_match(line.match, peer), verdict))

    def _denied(self, line: Line) -> Drop:
        return replace(self._drop(Why.RULE), of=line.of)

    def _drop(self, why: Why) -> Drop:
        return Drop(direction=self._judging.direction, why=why, chain=self._name)


def _match(match: Match, peer: str) -> Iterator[str]:
    """Yield what has to hold."""
    if match.family is not None:
        end = f"{SELECTORS[match.family]} {peer}"
        if match.peers:
            yield f"{end} @{match.peers}"
        if match.network:
            yield f"{end} {match.network}"
        if match.excepted:
            yield f"{end} != @{match.excepted}"
        if match.port_of:
            destination = f"{SELECTORS[match.family]} daddr"
            yield f"{destination} . meta l4proto . th dport @{match.port_of}"
        if not (match.peers or match.network or match.excepted or match.port_of):
            yield f"meta nfproto {match.family.lower()}"
    if match.protocol is not None:
        yield f"meta l4proto {match.protocol.lower()}"
        if (match.first, match.last) != (FIRST_PORT, LAST_PORT):
            more = f"-{match.last}" if match.last > match.first else ""
            yield f"th dport {match.first}{more}"


def _base_chains(
    unknown: str, link_prefix: str, strangers: Sequence[str], drops: Drops
) -> Iterator[str]:
    by_address = (
        f"{SELECTORS[family]} daddr vmap @{name}"
        for family, name in INGRESS_MAPS.items()
    )
    egress, ingress = Direction.EGRESS, Direction.INGRESS
    for direction, priority, link, ways in (
        (egress, EGRESS_PRIORITY, "iifname", ["iifname vmap @egress"]),
        (ingress, INGRESS_PRIORITY, "oifname", [*by_address]),
    ):
        dropped = Drop(direction=direction, why=Why.UNKNOWN)
        yield from chain(
            SIDES[direction],
            f"type filter hook forward priority {priority};",
            f'{link} != "{link_prefix}*" accept',
            *(f"{link} {stranger} accept" for stranger in quoted(strangers)),
            "ct direction reply accept",
            *ways,
            *(["accept"] if unknown == AJAR else drops.rules(dropped)),
        )
