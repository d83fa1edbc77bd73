"""What a node has to do with its pods' packets, as a value.

It is about the first packet of a connection.  How the kernel tells that from later
packets, and from answers, is in ``linux.policy.table``.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from vcnd.model.family import Family
from vcnd.model.policy import (
    FIRST_PORT,
    LAST_PORT,
    Action,
    Attached,
    Direction,
    PolicyRef,
    Protocol,
)

HOLD = "hold"
"""The chain of unknown pods that are closed: it denies."""
AJAR = "ajar"
"""The chain of unknown pods that are open until they are known: it accepts."""
OPEN = "open"
"""The chain of pods that no policy selects: it accepts."""

SHORT = {Direction.INGRESS: "in", Direction.EGRESS: "out"}
"""A direction in the names of chains and counters."""
SIDES = {direction: f"{direction.lower()}_side" for direction in Direction}
"""The chains at the kernel's hook: each judges one side of a connection."""

Element = str | tuple[str, Protocol, int]
"""An address, a network, or a port of an address."""


class Kind(StrEnum):
    """What a set holds."""

    ADDRESSES = "addresses"
    NETWORKS = "networks"
    """Of which none contains another."""
    PORTS = "ports"


class NamedSet(msgspec.Struct, frozen=True, kw_only=True):
    """A set that rules look into by its name."""

    kind: Kind
    family: Family
    elements: frozenset[Element]


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """What packets a line is about: all that it names has to hold.

    The peer is the source of ingress, and the destination of egress.
    """

    family: Family | None = None
    """None: both; never None where one of the next four is named."""
    peers: str = ""
    """A set of addresses that has the peer's."""
    network: str = ""
    """A network that has the peer's address."""
    excepted: str = ""
    """A set of networks of which none has the peer's address."""
    port_of: str = ""
    """A set of ports that has the destination's."""
    protocol: Protocol | None = None
    """None: any, also those without ports."""
    first: int = FIRST_PORT
    last: int = LAST_PORT
    """The protocol's ports; without meaning where there is no protocol."""

    @property
    def order(self) -> tuple[str | int, ...]:
        """Return what tells it from any other, in an order."""
        names = (self.peers, self.network, self.excepted, self.port_of)
        return (self.family or "", *names, self.protocol or "", self.first, self.last)


class Line(msgspec.Struct, frozen=True):
    """What a chain does with the packets that a match is about."""

    match: Match
    action: Action
    of: tuple[int, int] | None = None
    """Of one that denies: its policy's place in the chain's list, and its rule's in
    the policy's list of the direction, from 0."""


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """The rules for pods that the same policies select in a direction.

    A packet from a pod to itself is accepted before them.
    """

    direction: Direction
    policies: tuple[PolicyRef, ...] = ()
    """In order; the chain's name stands for this list."""
    admin: tuple[Line, ...] = ()
    """First.  ``PASS``, and a packet that no line matches, go on to what follows."""
    lines: tuple[Line, ...] = ()
    """Then.  ``PASS`` accepts: there is no further tier."""
    otherwise: Action
    """At last: ``ACCEPT`` or ``DENY``."""

    @property
    def namespace(self) -> str:
        """Return the namespace of its pods; empty if they may be of several."""
        return next((ref.namespace for ref in self.policies if ref.namespace), "")


class RuleSet(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of a node.

    A packet is judged twice, as one from a link and as one to an address, and both
    judgements have to accept it.
    """

    egress: Mapping[str, str] = {}
    """The chain for what comes from a link: in ``chains``, ``OPEN`` or ``unknown``."""
    ingress: Mapping[str, str] = {}
    """The chain for what goes to an address."""
    chains: Mapping[str, Chain] = {}
    sets: Mapping[str, NamedSet] = {}
    unknown: str = HOLD
    """``HOLD`` or ``AJAR``: it also judges links and addresses that are in no map."""


def opened(here: Sequence[Attached]) -> RuleSet:
    """Return rules that leave these pods open, and deny all others."""
    egress = {attached.link: OPEN for attached in here}
    ingress = {address: OPEN for attached in here for address in attached.addresses}
    return RuleSet(egress=egress, ingress=ingress)
