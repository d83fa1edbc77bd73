"""What netlink events mean for the desired state: news, a loss, or nothing.  Pure.

An event is compared with the desired state, not with its author, so no loss is missed.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Self

import msgspec

from vcnd.linux.layout import Layout
from vcnd.linux.rules import Rule
from vcnd.model.drift import Author
from vcnd.model.vnic import VnicSlot
from vcnd.netlink import listed, nftables, routing_rules
from vcnd.netlink import rtnetlink as rtnl
from vcnd.netlink.listed import Link, string
from vcnd.netlink.messages import attributes, messages
from vcnd.netlink.senders import sent

NFT_CHANGES = frozenset({2, 5, 6, 8, 11})
"""DELTABLE, DELCHAIN, NEWRULE, DELRULE, DELSET; vcnd never sends one alone."""
NFT_ELEMENTS = frozenset({nftables.NFT_MSG_NEWSETELEM, nftables.NFT_MSG_DELSETELEM})
NFTA_OBJECT_TABLE, NFTA_CHAIN_NAME, NFTA_ELEMENTS = 1, 3, 3
NFTA_GEN_PROC_PID, NFTA_GEN_PROC_NAME = 2, 3


class Wanted(msgspec.Struct, frozen=True):
    """The desired state, by the names that events use."""

    macs: frozenset[str]
    """MACs of the pod VNICs."""
    addresses: frozenset[str]
    """The pod VNICs' own addresses."""
    pods: frozenset[str]
    """The plugged pods' addresses."""
    tables: frozenset[int]
    """The pod VNICs' route tables."""
    rules: frozenset[tuple[int, int, int]]
    """The routing rules: priority, table (0: none) and mark (0: none)."""
    links: frozenset[str] = frozenset()
    """Names of the plugged pods' links."""

    @classmethod
    def of(
        cls,
        layout: Layout,
        slots: Sequence[VnicSlot],
        pods: Mapping[str, Iterable[str]],
        rules: Iterable[Rule],
    ) -> Self:
        """Return what these VNICs, pods and routing rules make.

        Args:
            layout: names and numbers.
            slots: the VNICs.
            pods: the pods' addresses, by the names of their links.
            rules: the desired ones.
        """
        pod_vnics = [s for s in slots if not s.is_primary]
        return cls(
            macs=frozenset(s.vnic.mac for s in pod_vnics),
            addresses=frozenset(
                a for s in pod_vnics for a in (s.vnic.address, s.vnic.ipv6) if a
            ),
            pods=frozenset(a for addresses in pods.values() for a in addresses),
            tables=frozenset(layout.vnic_table(s.index) for s in pod_vnics),
            rules=frozenset((r.priority, r.table, r.mark) for r in rules),
            links=frozenset(pods),
        )


class Event(IntEnum):
    """What an event means."""

    NOTHING = 0
    NEWS = 1
    """Something appeared and has to be set up."""
    LOSS = 2
    """Something of ours was removed."""


class Heard(msgspec.Struct, frozen=True):
    """The gravest meaning of some events."""

    event: Event
    port: int = 0
    """The port of the socket by which it was changed; 0: the kernel does not tell."""


class Judge:
    """Judges events, and remembers what they depend on: links, open transactions."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._links: dict[str, Link] = {}
        self._table_lost = self._table_made = False
        self._markers: deque[str] = deque(maxlen=8)
        self.author: Author | None = None
        """Who made the transaction by which the table was lost last."""

    def expect(self, marker: str) -> None:
        """Name the chain that only the rule set about to be loaded has.

        A transaction that deletes from our table and brings this chain is our own.
        Process ids would not do: the kernel tells those of another pid namespace.
        """
        self._markers.append(marker)

    def route_event(self, data: bytes, wanted: Wanted) -> Heard:
        """Return the gravest meaning of rtnetlink's messages."""
        heard = (
            Heard(self._meaning(kind, body, wanted), port)
            for port, kind, body in sent(data)
        )
        return max(heard, key=lambda h: h.event, default=Heard(Event.NOTHING))

    def _meaning(self, kind: int, body: bytes, wanted: Wanted) -> Event:
        match kind:
            case rtnl.RTM_NEWLINK:
                return self._of_link(body, wanted)
            case rtnl.RTM_DELADDR:
                _, address = listed.read_address(body)
                lost = address in wanted.addresses
            case rtnl.RTM_NEWROUTE:
                # A new default route: a foreign VNIC may be reachable now.
                route = listed.read_route(body)
                ours = route.protocol == rtnl.RTPROT_KERNEL
                known = ours or route.table in wanted.tables
                return Event.NOTHING if known else Event.NEWS
            case rtnl.RTM_DELROUTE:
                route = listed.read_route(body)
                of_pods = route.table == self._layout.pods_table
                lost = of_pods and route.destination in wanted.pods
                lost |= route.table in wanted.tables
            case rtnl.RTM_DELRULE:
                rule = routing_rules.read_rule(body)
                lost = (rule.priority, rule.table, rule.mark) in wanted.rules
            case _:
                lost = False
        return Event.LOSS if lost else Event.NOTHING

    def _of_link(self, body: bytes, wanted: Wanted) -> Event:
        """Judge a link event: a VNIC's new or raised link has to be set up."""
        link = listed.read_link(body)
        if link.name in wanted.links:
            return Event.NOTHING if link.up else Event.LOSS
        if link.mac not in wanted.macs:
            return Event.NOTHING
        before, self._links[link.mac] = self._links.get(link.mac), link
        if before and (before.index, before.up) == (link.index, link.up):
            return Event.NOTHING
        return Event.LOSS if before and before.up else Event.NEWS

    def is_table_lost(self, data: bytes, wanted: Wanted) -> bool:
        """Return True if a transaction of others changed our nft table.

        Changes are noted; the end of the transaction decides, and names its author.
        """
        noted = self._table_lost or self._table_made
        if not noted and not nftables.may_name(data, self._layout.nft_table):
            return False
        for kind, _, body in messages(data):
            if kind >> 8 != nftables.NFNL_SUBSYS_NFTABLES:
                continue
            parts = attributes(body[4:])
            name = string(parts.get(NFTA_OBJECT_TABLE, b""))
            ours = name == self._layout.nft_table
            match kind & 0xFF:
                case change if change in NFT_CHANGES:
                    self._table_lost |= ours
                case nftables.NFT_MSG_DELSETELEM:
                    self._table_lost |= ours and _names_a_pod(parts, wanted)
                case nftables.NFT_MSG_NEWCHAIN:
                    chain = string(parts.get(NFTA_CHAIN_NAME, b""))
                    self._table_made |= ours and chain in self._markers
                case nftables.NFT_MSG_NEWGEN:
                    lost = self._table_lost and not self._table_made
                    self._table_lost = self._table_made = False
                    if lost:
                        self.author = _author(parts)
                        return True
                case _:
                    pass
        return False


def _author(parts: Mapping[int, bytes]) -> Author:
    """Return the process that a transaction's end names."""
    pid = int.from_bytes(parts.get(NFTA_GEN_PROC_PID, b""))
    return Author(pid=pid, name=string(parts.get(NFTA_GEN_PROC_NAME, b"")))


def changes_rules(data: bytes, own_table: str) -> bool:
    """Return True if a rule set was changed, by anybody and in any table.

    Not by elements of our own maps: each pod is one.
    """
    for kind, _, body in messages(data):
        what = kind & 0xFF
        if (
            kind >> 8 != nftables.NFNL_SUBSYS_NFTABLES
            or what == nftables.NFT_MSG_NEWGEN
        ):
            continue
        table = string(attributes(body[4:]).get(NFTA_OBJECT_TABLE, b""))
        if what not in NFT_ELEMENTS or table != own_table:
            return True
    return False


def _names_a_pod(parts: dict[int, bytes], wanted: Wanted) -> bool:
    """Return True if a deleted element's key ends in a plugged pod's address."""
    element = attributes(parts.get(NFTA_ELEMENTS, b"")).get(1, b"")
    key = attributes(attributes(element).get(1, b"")).get(1, b"")
    try:
        _, address = nftables.split_interface_and_address(key)
    except ValueError:
        return False  # of another map
    return address in wanted.pods
