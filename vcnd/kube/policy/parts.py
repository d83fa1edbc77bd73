"""What policies are made of, read with care: what cannot be read is noted as a flaw.

The functions return None for a part that cannot be read.  What that means for the
policy is up to the caller, who fails closed.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import (
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
)
from typing import TypeVar

import msgspec

from vcnd.kube.policy.wire import LabelRequirement, LabelSelector
from vcnd.model.policy import (
    EVERYTHING,
    LAST_PORT,
    Block,
    Operator,
    PortRange,
    Protocol,
    Requirement,
    Selector,
)

Part = TypeVar("Part")
Value = TypeVar("Value")
Network = IPv4Network | IPv6Network

PROTOCOLS = {x.value: x for x in Protocol}
OPERATORS = {x.value: x for x in Operator}
MOST_SHOWN = 64
"""Characters of a value that are shown in a flaw."""
MOST_TOLD = 20
"""Flaws of a policy that are told in words."""
MOST_DIGITS = 20
SHARED = 1024
"""So many latest selectors are remembered: many policies have the same."""


class Flaw(msgspec.Struct, frozen=True):
    """What is wrong with a part of an object."""

    what: str
    """The part, such as ``spec.ingress[0].from[1].ipBlock.cidr``."""
    why: str
    harmless: bool = False
    """True if the part counts all the same, as it was meant."""

    def __str__(self) -> str:
        """Return both in one line."""
        return f"{self.what}: {self.why}"


class Place:
    """A place in an object; notes flaws."""

    def __init__(self, what: str, flaws: list[Flaw]) -> None:
        self._what = what
        self._flaws = flaws

    def at(self, field: str) -> "Place":
        """Return the place of a field."""
        return Place(f"{self._what}.{field}", self._flaws)

    def item(self, number: int) -> "Place":
        """Return the place of an item of a list."""
        return Place(f"{self._what}[{number}]", self._flaws)

    def note(self, why: str, *, harmless: bool = False) -> None:
        """Note a flaw."""
        self._flaws.append(Flaw(self._what, why, harmless))


def in_words(flaws: Sequence[Flaw], most: int = MOST_TOLD) -> tuple[str, ...]:
    """Return the first flaws, and how many more there are: a list may be long.

    Those that are harmless come last.
    """
    more, found = len(flaws) - most, sorted(flaws, key=lambda x: x.harmless)
    return (*map(str, found[:most]), *([f"{more} more"] if more > 0 else []))


def shown(value: str) -> str:
    """Return a value as flaws show it."""
    return repr(value[:MOST_SHOWN])


def readable(
    items: Sequence[Part] | None,
    place: Place,
    read: Callable[[Part, Place], Value | None],
) -> tuple[Value, ...]:
    """Return the items of a list that can be read."""
    found = (read(item, place.item(n)) for n, item in enumerate(items or ()))
    return tuple(value for value in found if value is not None)


def selector(found: LabelSelector | None, place: Place) -> tuple[Selector, bool]:
    """Return a selector, and whether it could be read as a whole.

    The part that can be read selects what the whole one selects, and maybe more.
    """
    if found is None:
        return EVERYTHING, True
    labels = (found.match_labels or {}).items()
    asked = found.match_expressions or ()
    read = readable(asked, place.at("matchExpressions"), _requirement)
    equal = (Requirement(k, Operator.IN, frozenset({v})) for k, v in labels)
    return _shared(Selector(frozenset((*equal, *read)))), len(read) == len(asked)


@lru_cache(SHARED)
def _shared(found: Selector) -> Selector:
    """Return an equal selector: those of many policies are one object."""
    return found


def _requirement(found: LabelRequirement, place: Place) -> Requirement | None:
    values = frozenset(found.values or ())
    operator = OPERATORS.get(found.operator)
    if not found.key:
        place.at("key").note("it is empty")
    elif operator is None:
        place.at("operator").note(f"{shown(found.operator)} is none that is known")
    elif operator in (Operator.IN, Operator.NOT_IN) and not values:
        place.at("values").note(f"{operator} needs at least one")
    elif operator in (Operator.EXISTS, Operator.DOES_NOT_EXIST) and values:
        place.at("values").note(f"{operator} takes none")
    else:
        return Requirement(found.key, operator, values)
    return None


def network(text: str, place: Place) -> Network | None:
    """Return the network of a CIDR; the API server takes one with host bits."""
    head, _, length = text.partition("/")
    try:
        address = ip_address(head)
        if not length.isdecimal() or "%" in head:
            raise ValueError
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            raise ValueError  # packets that it seems to mean are IPv4
        found = ip_network(f"{address}/{length}", strict=False)
    except ValueError:
        place.note(f"{shown(text)} is no CIDR")
        return None
    if found.network_address != address:
        note = f"{shown(text)} has host bits: it is read as {found}"
        place.note(note, harmless=True)
    return found


def block(cidr: str, excepted: Sequence[str] | None, place: Place) -> Block | None:
    """Return a block of addresses; None too if nothing is left of it."""
    whole = network(cidr, place.at("cidr"))
    left_out: tuple[Network, ...] = readable(excepted, place.at("except"), network)
    if whole is None or len(left_out) < len(excepted or ()):
        return None  # what cannot be read may leave out anything
    inside = list[Network]()
    for number, part in enumerate(left_out):
        if part.overlaps(whole):
            inside.append(part if part.prefixlen > whole.prefixlen else whole)
        else:
            there = place.at("except").item(number)
            there.note(f"{part} is outside {whole}: it leaves out nothing")
    # In one order, whatever the policy's: equal blocks are equal values.
    merged = [str(x) for x in collapse_addresses(inside)]  # type: ignore[type-var]
    if str(whole) in merged:
        place.at("except").note(f"nothing is left of {whole}")
        return None
    return Block(network=str(whole), excepted=tuple(merged))


def ports(protocol: Protocol, first: int, last: int, place: Place) -> PortRange | None:
    """Return ports from one to another, with both."""
    if 1 <= first <= last <= LAST_PORT:
        return PortRange(protocol=protocol, first=first, last=last)
    start, end = _shown_number(first), _shown_number(last)
    asked = start if first == last else f"{start} to {end}"
    place.note(f"{asked} is outside 1 to {LAST_PORT}, or its end is before its start")
    return None


def _shown_number(value: int) -> str:
    """Return a number as flaws show it: Python refuses to print very long ones."""
    if abs(value) < 10**MOST_DIGITS:
        return str(value)
    return f"a number of more than {MOST_DIGITS} digits"
