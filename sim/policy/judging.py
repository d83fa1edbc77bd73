"""Carries out a rule set as the kernel would, on the first packet of a connection."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address, ip_network

from vcnd.core.policy.rule_set import AJAR, HOLD, OPEN, Chain, Line, Match, RuleSet
from vcnd.model.family import family_of
from vcnd.model.policy import Action, Attached, Direction, Packet


def accepts(rules: RuleSet, here: Sequence[Attached], packet: Packet) -> bool:
    """Return True if neither judgement denies a packet."""
    links = {address: a.link for a in here for address in a.addresses}
    source, destination = links.get(packet.source), links.get(packet.destination)
    ways = []
    if source is not None:
        ways.append(rules.egress.get(source, rules.unknown))
    if destination is not None:
        ways.append(rules.ingress.get(packet.destination, rules.unknown))
    own = source == destination
    return all(way_accepts(rules, way, packet, own=own) for way in ways)


def way_accepts(rules: RuleSet, way: str, packet: Packet, *, own: bool) -> bool:
    """Return True if a chain accepts a packet.

    Args:
        rules: the rules of a node.
        way: the chain.
        packet: the first one of a connection.
        own: whether a pod talks to itself.
    """
    if way in (HOLD, OPEN, AJAR):
        return way != HOLD
    chain = rules.chains[way]
    if own:
        return True
    action = _first(rules, chain, chain.admin, packet)
    if action in (None, Action.PASS):
        action = _first(rules, chain, chain.lines, packet) or chain.otherwise
    return action is not Action.DENY


def _first(
    rules: RuleSet, chain: Chain, lines: Iterable[Line], packet: Packet
) -> Action | None:
    """Return what the first line does that matches; None if none does."""
    into = chain.direction is Direction.INGRESS
    peer = packet.source if into else packet.destination
    for line in lines:
        if _matches(rules, line.match, peer, packet):
            return line.action
    return None


def _matches(rules: RuleSet, match: Match, peer: str, packet: Packet) -> bool:
    def found(name: str, element: object) -> bool:
        return not name or element in rules.sets[name].elements

    port = (packet.destination, packet.protocol, packet.port)
    return (
        match.family in (None, family_of(peer))
        and found(match.peers, peer)
        and (not match.network or ip_address(peer) in ip_network(match.network))
        and not (match.excepted and _within(rules, match.excepted, peer))
        and found(match.port_of, port)
        and match.protocol in (None, packet.protocol)
        and (match.protocol is None or match.first <= packet.port <= match.last)
    )


def _within(rules: RuleSet, name: str, peer: str) -> bool:
    networks = map(str, rules.sets[name].elements)
    return any(ip_address(peer) in ip_network(n) for n in networks)
