"""Finds links at which others queue or filter packets, which the lane would pass by."""

from collections.abc import Collection

from vcnd.linux.lane.hooks import Hooks
from vcnd.netlink import traffic_control
from vcnd.netlink.messages import NetlinkSocket

HARMLESS = ("noqueue", "clsact")
"""Kinds that hold no packet back: what a pod's link has, and what has only filters."""


def queued_by_others(
    route: NetlinkSocket, hooks: Hooks, links: Collection[int]
) -> set[int]:
    """Return those of some links that have a queue or a program of others.

    Raises:
        OSError: the kernel refused to list them.
    """
    dump = route.dump("list queues", *traffic_control.list_queues())
    queues = [traffic_control.queue(body) for _, body in dump]
    queued = {link for link, kind in queues if kind not in HARMLESS}
    return {link for link in links if link in queued or hooks.would_pass_by(link)}
