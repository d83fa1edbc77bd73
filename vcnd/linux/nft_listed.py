"""A table as ``nft -j list table`` prints it.  Pure."""

import socket
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import Any

import msgspec

from vcnd.foreign import UNDECODABLE

Verdict = Mapping[str, Any]
"""One key: ``accept``, ``drop``, ``jump`` and so on."""
PAIR = 2
MISREAD = (*UNDECODABLE, AttributeError, LookupError, TypeError)
"""Errors of reading something of another form."""
PROTOCOLS = {
    "icmp": socket.IPPROTO_ICMP,
    "tcp": socket.IPPROTO_TCP,
    "udp": socket.IPPROTO_UDP,
    "ipv6-icmp": socket.IPPROTO_ICMPV6,
    "sctp": socket.IPPROTO_SCTP,
}
"""nft names them only on a node that has ``/etc/protocols``."""


class UnreadableError(Exception):
    """A table has something that we cannot read, so nobody knows what it does."""


class Members:
    """What a set has, or the keys of a map with their verdicts."""

    def __init__(self, elements: Sequence[Any]) -> None:
        """Make it.

        Args:
            elements: as they are listed; those of a map are pairs.
        """
        self._elements = elements

    @cached_property
    def _found(self) -> tuple[dict[Hashable, Any], list[tuple[Any, Any]]]:
        """Return single keys, and those that stand for several."""
        single: dict[Hashable, Any] = {}
        several: list[tuple[Any, Any]] = []
        for element in self._elements:
            is_pair = isinstance(element, list) and len(element) == PAIR
            listed, verdict = element if is_pair else (element, None)
            key = _key(listed)
            if _is_single(key):
                single[_plain(key)] = verdict
            else:
                several.append((key, verdict))
        return single, several

    def __contains__(self, value: Hashable) -> bool:
        """Return True if it has a value."""
        return self.find(value) is not None

    def find(self, value: Hashable) -> tuple[Any] | None:
        """Return the verdict of a value, in a tuple; None if it is not there.

        Raises:
            UnreadableError: it has an element that we do not know.
        """
        try:
            single, several = self._found
            if value in single:
                return (single[value],)
            # An address with its port, say, is more than its parts.
            found = (verdict for key, verdict in several if covers(key, value))
            return next(((verdict,) for verdict in found), None)
        except MISREAD as error:
            raise UnreadableError(f"an element: {error!r}") from error


def _key(listed: Any) -> Any:
    """Return an element without its counter, its comment and so on."""
    if isinstance(listed, dict) and "elem" in listed:
        return listed["elem"]["val"]
    return listed


def _is_single(key: Any) -> bool:
    """Return True if a key is one value."""
    match key:
        case {"concat": parts}:
            return all(map(_is_single, parts))
        case str():
            return not key.endswith("*")
        case int():
            return True
        case _:
            return False


def _plain(key: Any) -> Hashable:
    """Return a single key as packets' values are compared."""
    return tuple(map(_plain, key["concat"])) if isinstance(key, dict) else value_of(key)


def value_of(listed: Any) -> Hashable:
    """Return a listed value in the one form that is compared."""
    if isinstance(listed, str) and ":" in listed:
        try:
            return str(ip_address(listed))
        except ValueError:
            return listed
    if isinstance(listed, str):
        return PROTOCOLS.get(listed, listed)
    if isinstance(listed, int):
        return listed
    raise UnreadableError(f"the value {shown(listed)}")


def covers(listed: Any, value: Any) -> bool:
    """Return True if a listed value is this one, or several with it.

    Raises:
        UnreadableError: it is none that we know.
    """
    match listed:
        case {"concat": parts}:
            together = isinstance(value, tuple) and len(value) == len(parts)
            return together and all(map(covers, parts, value))
        case {"prefix": {"addr": address, "len": length}}:
            network = ip_network(f"{address}/{length}")
            return isinstance(value, str) and ip_address(value) in network
        case {"range": [first, last]}:
            return _is_between(first, value, last)
        case {"set": elements}:
            return value in Members(elements)
        case str() if listed.endswith("*"):
            return isinstance(value, str) and value.startswith(listed[:-1])
        case _:
            return bool(value_of(listed) == value)


def _is_between(first: Any, value: Any, last: Any) -> bool:
    number: Callable[[Any], int]
    number = int if isinstance(first, int) else lambda text: int(ip_address(text))
    return number(first) <= number(value) <= number(last)


class ListedRule(msgspec.Struct, frozen=True):
    """A rule."""

    handle: int
    expressions: Sequence[Mapping[str, Any]]


class ListedChain(msgspec.Struct, frozen=True, kw_only=True):
    """A chain; one without a hook is reached by others only."""

    name: str
    hook: str = ""
    priority: int = 0
    policy: str = "accept"
    rules: list[ListedRule]


class Counted(msgspec.Struct, frozen=True):
    """What a counter counted."""

    packets: int = 0
    bytes: int = 0


class ListedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table."""

    name: str = ""
    chains: dict[str, ListedChain] = {}
    members: dict[str, Members] = {}
    """Of sets and maps."""
    counters: dict[str, Counted] = {}
    """Those with names."""


class _Chain(msgspec.Struct):
    name: str
    hook: str = ""
    prio: int = 0
    policy: str = "accept"


class _Rule(msgspec.Struct):
    chain: str
    handle: int
    expr: list[dict[str, Any]]


class _Set(msgspec.Struct):
    name: str
    elem: list[Any] = []


class _Counter(msgspec.Struct):
    name: str
    packets: int
    bytes: int


def listed(text: bytes | str, name: str = "") -> ListedTable:
    """Return the table that is listed.

    Args:
        text: the list.
        name: the table's.

    Raises:
        UnreadableError: it is no listing.
    """
    table = ListedTable(name=name)
    try:
        for item in msgspec.json.decode(text)["nftables"]:
            ((kind, found),) = item.items()
            _take(table, kind, found)
    except MISREAD as error:
        raise UnreadableError(f"the list of nft: {error!r}") from error
    return table


def _take(table: ListedTable, kind: str, found: Any) -> None:
    """Add an object to a table."""
    match kind:
        case "chain":
            chain = msgspec.convert(found, _Chain)
            table.chains[chain.name] = ListedChain(
                name=chain.name,
                hook=chain.hook,
                priority=chain.prio,
                policy=chain.policy,
                rules=[],
            )
        case "rule":
            rule = msgspec.convert(found, _Rule)
            table.chains[rule.chain].rules.append(ListedRule(rule.handle, rule.expr))
        case "set" | "map":
            members = msgspec.convert(found, _Set)
            table.members[members.name] = Members(members.elem)
        case "counter":
            counter = msgspec.convert(found, _Counter)
            counted = Counted(counter.packets, counter.bytes)
            table.counters[counter.name] = counted
        case _:
            pass


def shown(listed: Any) -> str:
    """Return a part of a list in a few characters."""
    most = 80
    text = msgspec.json.encode(listed).decode()
    return text if len(text) <= most else f"{text[:most]}…"
