"""Hear when others change our links, addresses, routes, rules or nft table.

A firewall's ``flush ruleset``, a link that goes down and up, or a network daemon must
not stop pods: an event that touches our objects leads to a restoration within
milliseconds.  ``linux.judge`` says which events do.
"""

import socket
from collections.abc import Callable

import msgspec

from vcnd.linux import events
from vcnd.linux.judge import Event, Heard, Judge, Wanted
from vcnd.linux.layout import Layout
from vcnd.model.drift import Author
from vcnd.netlink import event_filter, nftables
from vcnd.netlink import rtnetlink as rtnl
from vcnd.netlink.messages import of_others

RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE = 1, 5, 7, 8
RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV6_RULE = 9, 11, 19
NFNLGRP_NFTABLES = 7


class TableLost(msgspec.Struct, frozen=True):
    """Our nft table was changed by others, or may have been."""

    author: Author | None = None
    """Who changed it, where the kernel tells."""
    events_only: bool = False
    """True if events were lost, and nobody knows whether one was about our table."""


class Watch:
    """Two netlink sockets in the node's namespace."""

    def __init__(
        self, layout: Layout, judge: Judge, own_port: Callable[[], int]
    ) -> None:
        """Begin to hear.

        Args:
            layout: names and numbers.
            judge: says what events mean.
            own_port: returns the port that adds and deletes pods' elements.
        """
        self._judge = judge
        self._own_port = own_port
        self._route = events.subscribed(
            socket.NETLINK_ROUTE,
            RTNLGRP_LINK,
            RTNLGRP_IPV4_IFADDR,
            RTNLGRP_IPV4_ROUTE,
            RTNLGRP_IPV4_RULE,
            RTNLGRP_IPV6_IFADDR,
            RTNLGRP_IPV6_ROUTE,
            RTNLGRP_IPV6_RULE,
        )
        others = (rtnl.RTM_DELADDR, rtnl.RTM_DELROUTE, rtnl.RTM_DELRULE)
        code = event_filter.program(
            rtnl.RTM_NEWLINK, rtnl.RTM_NEWROUTE, others, layout.link_prefix
        )
        event_filter.attach(self._route, code)
        self._nft = events.subscribed(nftables.NETLINK_NETFILTER, NFNLGRP_NFTABLES)

    def close(self) -> None:
        """Close the sockets."""
        self._route.close()
        self._nft.close()

    async def route_event(self, wanted: Callable[[], Wanted]) -> Heard:
        """Return when links, addresses, routes or rules need attention."""
        while True:
            data = await events.received(self._route)
            if data is None:
                return Heard(Event.LOSS)
            heard = self._judge.route_event(data, wanted())
            if heard.event is not Event.NOTHING:
                return heard

    async def nft_event(
        self, wanted: Callable[[], Wanted], hear: Callable[[bytes | None], None]
    ) -> TableLost:
        """Return when somebody else changed our nft table, or may have.

        ``hear`` is called with all events, or with None when some were lost.
        """
        while True:
            # Connections in the express lane pass until others' changes are heard.
            data = await events.received(self._nft, self._is_own)
            if data is not None:
                # Each ADD and DEL changes elements: two events that say nothing.
                data = of_others(data, {self._own_port()})
                if not data:
                    continue
            hear(data)
            if data is None:
                return TableLost(events_only=True)
            if self._judge.is_table_lost(data, wanted()):
                return TableLost(self._judge.author)

    def _is_own(self, header: bytes) -> bool:
        """Return True if a message is about a change by the port of our elements."""
        return not of_others(header, {self._own_port()})
