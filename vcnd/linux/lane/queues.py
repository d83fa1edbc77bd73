"""Finds links at which others queue or filter packets, which the lane would pass by."""

import socket
from collections.abc import Collection

from vcnd.linux.lane.hooks import NO_QDISC, PARENTS, Hooks
from vcnd.netlink import traffic_control
from vcnd.netlink.messages import NetlinkError, NetlinkSocket, is_missing

NO_QUEUE, CLSACT = "noqueue", "clsact"
"""Kinds that hold no packet back: what a pod's link has, and what has only filters."""


class Queues:
    """Asks in the namespace where it was made."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._route = NetlinkSocket(socket.NETLINK_ROUTE)

    def of_others(self, links: Collection[int]) -> set[int]:
        """Return those of some links that have a queue or a program of others.

        Raises:
            OSError: the kernel refused to list them.
        """
        found = {link for link in links if self._hooks.would_pass_by(link)}
        # The whole list first: one socket has one dump at a time.
        queues = list(self._route.dump("list queues", *traffic_control.list_queues()))
        for link, kind in (traffic_control.queue(body) for _, body in queues):
            if link not in links or kind == NO_QUEUE:
                continue
            if kind != CLSACT or self._has_filters(link):
                found.add(link)
        return found

    def _has_filters(self, link: int) -> bool:
        return any(
            traffic_control.is_others_filter(body)
            for parent in PARENTS.values()
            for body in self._filters(link, parent)
        )

    def _filters(self, link: int, parent: int) -> list[bytes]:
        request = traffic_control.list_programs(link, parent)
        try:
            return [body for _, body in self._route.dump("list filters", *request)]
        except NetlinkError as error:
            if error.errno in NO_QDISC or is_missing(error):
                return []  # gone meanwhile
            raise

    def close(self) -> None:
        """Close the socket."""
        self._route.close()
