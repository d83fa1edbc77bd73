"""Asks the kernel how it would route a packet: the request, and its answer.  Pure.

rtnetlink(7), RTM_GETROUTE with a destination: the kernel decides as it would for a
packet, by routing rules, mark and the link that it came in by.
"""

import errno
import socket

import msgspec

from vcnd.netlink import rtnetlink as rtnl
from vcnd.netlink.listed import ROUTE_HEAD, address, number
from vcnd.netlink.messages import attribute, attributes, fields, u32

RTA_SRC, RTA_IIF, RTA_MARK = 2, 3, 16
LOOKUP_TABLE, FIB_MATCH = 0x1000, 0x2000
"""Flags: the answer has the table, and the route that matched."""
LOCAL, BLACKHOLE, UNREACHABLE, PROHIBIT = 2, 6, 7, 8
"""Types of routes beside plain ones."""
NO_WAY = frozenset(
    (
        *(errno.EINVAL, errno.ENETUNREACH, errno.EHOSTUNREACH),
        *(errno.EACCES, errno.EXDEV, errno.ESRCH),
    )
)
"""Errors by which the kernel says that it would not forward the packet."""


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """The route that the kernel takes."""

    table: int
    destination: str
    """Of the route, with the length of its prefix; ``default`` for all."""
    gateway: str
    """Empty: the destination is on the link."""
    link_index: int
    """The link that it leaves by; 0: none."""
    kind: int
    """The route's type: ``LOCAL``, ``BLACKHOLE``, …; all others are plain."""
    mtu: int = 0
    """Of the route, in bytes; 0: that of its link."""


def lookup(
    destination: str, *, source: str, arrived_by: int, mark: int
) -> tuple[int, int, bytes]:
    """Return the request.

    Args:
        destination: where the packet goes.
        source: where it comes from.
        arrived_by: index of the link by which it comes in; 0: the node itself sends it.
        mark: its mark.
    """
    family = socket.AF_INET6 if ":" in destination else socket.AF_INET
    bits = 8 * len(rtnl.ip_bytes(destination))
    own = bits if source else 0
    head = ROUTE_HEAD.pack(family, bits, own, 0, 0, 0, 0, 0, LOOKUP_TABLE | FIB_MATCH)
    body = head + attribute(rtnl.RTA_DST, rtnl.ip_bytes(destination))
    if source:
        body += attribute(RTA_SRC, rtnl.ip_bytes(source))
    if arrived_by:
        body += u32(RTA_IIF, arrived_by)
    if mark:
        body += u32(RTA_MARK, mark)
    return rtnl.RTM_GETROUTE, 0, body


def read_lookup(body: bytes) -> Lookup:
    """Return the kernel's answer.

    Raises:
        NetlinkError: the message is cut.
    """
    family, length, _, _, table, _, _, kind, _ = fields(ROUTE_HEAD, body)
    parts = attributes(body[ROUTE_HEAD.size :])
    metrics = attributes(parts.get(rtnl.RTA_METRICS, b""))
    network = address(family, parts.get(rtnl.RTA_DST, b""))
    return Lookup(
        table=number(parts.get(rtnl.RTA_TABLE, b"")) or table,
        destination=f"{network}/{length}" if network else "default",
        gateway=address(family, parts.get(rtnl.RTA_GATEWAY, b"")),
        link_index=number(parts.get(rtnl.RTA_OIF, b"")),
        kind=kind,
        mtu=number(metrics.get(rtnl.RTAX_MTU, b"")),
    )
