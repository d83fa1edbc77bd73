"""Links' counters as the kernel lists them.  Pure.

rtnetlink(7), IFLA_STATS64: struct rtnl_link_stats64 begins with the packets and bytes
that were received and sent.
"""

import struct

from vcnd.model.traffic import LinkCounters
from vcnd.netlink import rtnetlink as rtnl
from vcnd.netlink.listed import LINK_HEAD, string
from vcnd.netlink.messages import attributes, fields

IFLA_STATS64 = 23
FIRST = struct.Struct("=4Q")
LINKS = rtnl.RTM_GETLINK, LINK_HEAD.pack(*(0,) * 6)
"""The request of a dump with counters, as (type, body)."""


def read(body: bytes) -> tuple[str, LinkCounters]:
    """Return a link's name and its counters; zeros if it has none.

    Raises:
        NetlinkError: the message is cut.
    """
    fields(LINK_HEAD, body)
    parts = attributes(body[LINK_HEAD.size :])
    counted = parts.get(IFLA_STATS64, b"")
    whole = len(counted) >= FIRST.size
    packets = FIRST.unpack_from(counted) if whole else (0, 0, 0, 0)
    counters = LinkCounters(
        received_packets=packets[0],
        sent_packets=packets[1],
        received_bytes=packets[2],
        sent_bytes=packets[3],
    )
    return string(parts.get(rtnl.IFLA_IFNAME, b"")), counters
