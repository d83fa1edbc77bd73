"""The nft table of network policies, as text for ``nft``.  Pure.

Two chains at the forward hook judge a packet: what comes from a pod's link, and what
goes to one.  Each judges for itself, for ``accept`` ends one of them only.  A map leads
from there to the pod's chain, so a packet costs the rules of that pod's policies, and
nothing for other pods, however many there are.

Packets between a node and its own pods are not forwarded, so they are not judged:
Kubernetes wants them to pass.

Closed until known: a packet from or to a pod's link that is in no map is dropped.  The
maps ``jump``, and do not ``goto``: a packet that is judged while the table changes can
find a chain that is new; to it the chain is empty, it returns, and is dropped.

A connection carries the number (``core.policy.generations``) of the chain that accepted
it, one for each direction, in bits of its mark that vcnd does not use for routing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from vcnd.core.policy.rule_set import (
    HOLD,
    OPEN,
    Chain,
    Element,
    Kind,
    Line,
    Match,
    NamedSet,
    RuleSet,
)
from vcnd.linux.layout import POLICY_MARKS
from vcnd.linux.nft_text import ADDRESS_KINDS, chain, named_set, verdict_map
from vcnd.linux.services import SELECTORS
from vcnd.model.family import Family, family_of
from vcnd.model.policy import FIRST_PORT, LAST_PORT, Action, Direction

TABLE = "vcnd-policy"
EGRESS_PRIORITY, INGRESS_PRIORITY = -5, -4
"""Before the chain that lets packets into the express lane (``lane.proof``)."""
INGRESS_MAPS = {Family.IPV4: "ingress4", Family.IPV6: "ingress6"}
OK = {Direction.INGRESS: "ok_in_", Direction.EGRESS: "ok_out_"}
"""Begins the names of chains that accept, and give a number to the connection."""
DROP = "counter drop"
ICMP = ("icmp", "ipv6-icmp")


class Marks(msgspec.Struct, frozen=True):
    """The bits of connection marks that have the numbers: eight for each direction.

    No other bits than these change, and nobody else may change these.
    """

    ingress: int = POLICY_MARKS & 0x00FFFF
    egress: int = POLICY_MARKS & 0xFF0000

    def mask(self, direction: Direction) -> int:
        """Return a direction's bits."""
        return self.ingress if direction is Direction.INGRESS else self.egress

    def mark(self, direction: Direction, number: int) -> int:
        """Return a number as it stands in the mark."""
        mask = self.mask(direction)
        return number * (mask & -mask)

    def stale(
        self, numbers: Mapping[Direction, Iterable[int]]
    ) -> dict[int, frozenset[int]]:
        """Return numbers in the form of ``conntrack.clear_marks``."""
        return {
            self.mask(direction): frozenset(self.mark(direction, n) for n in some)
            for direction, some in numbers.items()
        }


def numbers_in(chains: Iterable[str]) -> dict[Direction, frozenset[int]]:
    """Return the numbers that a table with these chains gives to connections."""
    names = list(chains)
    return {
        direction: frozenset(
            int(name.removeprefix(prefix)) for name in names if name.startswith(prefix)
        )
        for direction, prefix in OK.items()
    }


def render(
    rules: RuleSet,
    numbers: Mapping[str, int],
    *,
    marks: Marks,
    link_prefix: str,
    strangers: Sequence[str] = (),
) -> str:
    """Return the table (``nft_scripts`` brings it to the kernel).

    Args:
        rules: what it does.
        numbers: those of the chains; one that has none judges each packet.
        marks: where connections carry the numbers.
        link_prefix: pods' links begin so.
        strangers: others' links whose names look like pods'.
    """
    lines = [
        f"table inet {TABLE} {{",
        *_maps(rules),
        *_named_sets(rules),
        *chain(HOLD, DROP),
        *chain(OPEN, "accept"),
        # An error about a connection is no part of it: it must not renew its number.
        *chain(
            "always",
            *(f"ct state related meta l4proto {kind} accept" for kind in ICMP),
            "iifname . oifname @own accept",
        ),
        *_chains(rules, numbers, marks),
        *_base_chains(link_prefix, strangers),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _maps(rules: RuleSet) -> Iterator[str]:
    by_link = {f'"{link}"': f"jump {name}" for link, name in rules.egress.items()}
    yield verdict_map("egress", "ifname", by_link)
    for family, name in INGRESS_MAPS.items():
        by_address = {
            address: f"jump {way}"
            for address, way in rules.ingress.items()
            if family_of(address) is family
        }
        yield verdict_map(name, ADDRESS_KINDS[family], by_address)


def _named_sets(rules: RuleSet) -> Iterator[str]:
    links = (f'"{link}" . "{link}"' for link in rules.egress)
    yield named_set("own", "ifname . ifname", links)
    for name, members in rules.sets.items():
        yield _named_set(name, members)


def _named_set(name: str, members: NamedSet) -> str:
    kind = ADDRESS_KINDS[members.family]
    if members.kind is Kind.PORTS:
        kind += " . inet_proto . inet_service"
    elements = map(_element, members.elements)
    return named_set(name, kind, elements, interval=members.kind is Kind.NETWORKS)


def _element(element: Element) -> str:
    if isinstance(element, str):
        return element
    address, protocol, number = element
    return f"{address} . {protocol.lower()} . {number}"


def _chains(rules: RuleSet, numbers: Mapping[str, int], marks: Marks) -> Iterator[str]:
    for name, judging in rules.chains.items():
        direction, number = judging.direction, numbers.get(name)
        bits = marks.mask(direction)
        accepted, known = "accept", ""
        if number is not None:
            ok = f"{OK[direction]}{number}"
            accepted = f"goto {ok}"
            mark, keep = f"{marks.mark(direction, number):#010x}", ~bits & 0xFFFFFFFF
            known = f"ct mark & {bits:#010x} == {mark} accept"
            giving = f"ct mark set ct mark & {keep:#010x} | {mark}"
            yield from chain(ok, giving, "accept")
        yield from _chain(name, judging, known, accepted)


def _chain(name: str, judging: Chain, known: str, accepted: str) -> Iterator[str]:
    verdicts = {Action.ACCEPT: accepted, Action.DENY: DROP, Action.PASS: accepted}
    admin = f"admin_{name}" if judging.admin else ""
    if admin:
        passing = {**verdicts, Action.PASS: "return"}
        yield from chain(admin, *_rules(judging.direction, judging.admin, passing))
    yield from chain(
        name,
        known,
        "jump always",
        f"jump {admin}" if admin else "",
        *_rules(judging.direction, judging.lines, verdicts),
        verdicts[judging.otherwise],
    )


def _rules(
    direction: Direction, lines: Iterable[Line], verdicts: Mapping[Action, str]
) -> Iterator[str]:
    peer = "saddr" if direction is Direction.INGRESS else "daddr"
    for line in lines:
        yield " ".join((*_match(line.match, peer), verdicts[line.action]))


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


def _base_chains(link_prefix: str, strangers: Sequence[str]) -> Iterator[str]:
    by_address = (
        f"{SELECTORS[family]} daddr vmap @{name}"
        for family, name in INGRESS_MAPS.items()
    )
    for name, priority, link, ways in (
        ("egress_side", EGRESS_PRIORITY, "iifname", ["iifname vmap @egress"]),
        ("ingress_side", INGRESS_PRIORITY, "oifname", [*by_address]),
    ):
        yield from chain(
            name,
            f"type filter hook forward priority {priority};",
            f'{link} != "{link_prefix}*" accept',
            *(f'{link} "{stranger}" accept' for stranger in strangers),
            "ct direction reply accept",
            *ways,
            DROP,
        )
