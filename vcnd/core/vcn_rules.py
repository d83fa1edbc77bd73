"""Which security rule of a VNIC allows a packet.

A rule allows, and without one the packet is dropped.  Where a stateful and a stateless
rule match, the stateless one decides, and the answer needs a rule of its own:
https://docs.oracle.com/en-us/iaas/Content/Network/Concepts/securityrules.htm
"""

from collections.abc import Set as AbstractSet
from enum import IntEnum
from ipaddress import ip_address, ip_network

import msgspec

from vcnd.model.family import Family, family_of
from vcnd.model.vcn_rules import (
    Direction,
    End,
    PeerKind,
    PortSpan,
    Ruling,
    SecurityRule,
    Transport,
)

EVERY_PORT = PortSpan(0, 65535)
NUMBERS = {Transport.TCP: "6", Transport.UDP: "17", Transport.SCTP: "132"}
ICMP = {Family.IPV4: "1", Family.IPV6: "58"}
NAMES = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "132": "sctp"}
MOST_NAMED = 3
"""Rules that a sentence names."""


class Packet(msgspec.Struct, frozen=True, kw_only=True):
    """A packet at a VNIC."""

    direction: Direction
    peer: str
    """The address of its other end."""
    peer_nsgs: AbstractSet[str] | None
    """The NSGs of the other end; None: they are not known."""
    transport: Transport | None
    """None: any."""
    ports: PortSpan = EVERY_PORT
    """Where its destination port is."""
    source_ports: PortSpan = EVERY_PORT


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules of a VNIC do with a packet."""

    ruling: Ruling
    why: str
    stateless: Ruling = Ruling.DENIED
    """Whether the rule that allows is stateless."""


class _Match(IntEnum):
    NO = 0
    MAYBE = 1
    """Of some packets that it may be."""
    YES = 2


def judge(end: End, packet: Packet) -> Judgement:
    """Return what the rules of a VNIC do with a packet."""
    found = [
        (match, rule)
        for rule in sorted(end.rules, key=lambda x: not x.stateless)
        if rule.direction is packet.direction
        for match in (_matches(rule, packet),)
        if match is not _Match.NO
    ]
    sure = next((rule for match, rule in found if match is _Match.YES), None)
    doubted = [rule for match, rule in found if match is _Match.MAYBE]
    if sure is not None:
        first = Ruling.ALLOWED if sure.stateless else Ruling.DENIED
        if not sure.stateless and (
            not end.is_whole or any(rule.stateless for rule in doubted)
        ):
            first = Ruling.UNKNOWN
        return Judgement(ruling=Ruling.ALLOWED, why=in_words(sure), stateless=first)
    if doubted:
        named = "; ".join(map(in_words, doubted[:MOST_NAMED]))
        more = f", and {n} more" if (n := len(doubted) - MOST_NAMED) > 0 else ""
        return Judgement(
            ruling=Ruling.UNKNOWN,
            why=f"it depends on protocol, port or peer: {named}{more}",
            stateless=Ruling.UNKNOWN,
        )
    missing = f"no rule allows {_asked(packet)}"
    if not end.is_whole:
        why = f"{missing}, of those that could be read"
        return Judgement(ruling=Ruling.UNKNOWN, why=why, stateless=Ruling.UNKNOWN)
    return Judgement(ruling=Ruling.DENIED, why=missing)


def in_words(rule: SecurityRule) -> str:
    """Return a rule as "NSG ocid1…: tcp 8080 from 10.0.0.0/24"."""
    words = [NAMES.get(rule.protocol, rule.protocol)]
    if rule.stateless:
        words.insert(0, "stateless")
    if rule.ports is not None:
        words.append(_span(rule.ports))
    if rule.source_ports is not None:
        words.append(f"source ports {_span(rule.source_ports)}")
    if rule.icmp_type is not None:
        words.append(f"type {rule.icmp_type}")
    if rule.icmp_code is not None:
        words.append(f"code {rule.icmp_code}")
    words.append("from" if rule.direction is Direction.INGRESS else "to")
    peer = f"NSG {rule.peer}" if rule.peer_kind is PeerKind.NSG else rule.peer
    told = f" ({rule.description})" if rule.description else ""
    return f"{rule.holder}: {' '.join(words)} {peer}{told}"


def _asked(packet: Packet) -> str:
    words = [packet.transport or "it"]
    for span, name in ((packet.ports, ""), (packet.source_ports, "source ports ")):
        words += [] if span == EVERY_PORT else [f"{name}{_span(span)}"]
    inward = packet.direction is Direction.INGRESS
    return f"{' '.join(words)} {'from' if inward else 'to'} {packet.peer}"


def _span(span: PortSpan) -> str:
    return str(span.first) if span.first == span.last else f"{span.first}-{span.last}"


def _matches(rule: SecurityRule, packet: Packet) -> _Match:
    return min(
        _protocol(rule, packet),
        _ports(rule.ports, packet.ports),
        _ports(rule.source_ports, packet.source_ports),
        _peer(rule, packet),
    )


def _protocol(rule: SecurityRule, packet: Packet) -> _Match:
    if rule.protocol == "all":
        return _Match.YES
    icmp, transport = ICMP[family_of(packet.peer)], packet.transport
    if transport is None:
        other = set(ICMP.values()) - {icmp}
        return _Match.NO if rule.protocol in other else _Match.MAYBE
    if rule.protocol != NUMBERS.get(transport, icmp):
        return _Match.NO
    return _Match.YES if rule.icmp_type is None else _Match.MAYBE


def _ports(wanted: PortSpan | None, span: PortSpan) -> _Match:
    if wanted is None or (wanted.first <= span.first and span.last <= wanted.last):
        return _Match.YES
    apart = wanted.last < span.first or span.last < wanted.first
    return _Match.NO if apart else _Match.MAYBE


def _peer(rule: SecurityRule, packet: Packet) -> _Match:
    match rule.peer_kind:
        case PeerKind.NSG:
            if packet.peer_nsgs is None:
                return _Match.MAYBE
            return _Match.YES if rule.peer in packet.peer_nsgs else _Match.NO
        case PeerKind.SERVICE:
            is_public = ip_address(packet.peer).is_global
            return _Match.MAYBE if is_public else _Match.NO
        case _:
            inside = ip_address(packet.peer) in ip_network(rule.peer)
            return _Match.YES if inside else _Match.NO
