"""Connection tracking: forget the connections of an address that was released."""

import socket
import struct
from collections.abc import Collection

from vcnd.linux.netlink import (
    NetlinkError,
    NetlinkSocket,
    attribute,
    attributes,
    is_missing,
)
from vcnd.linux.nftables import NETLINK_NETFILTER

SUBSYSTEM = 1 << 8
CT_GET, CT_DELETE = SUBSYSTEM | 1, SUBSYSTEM | 2
TUPLE_ORIG, TUPLE_REPLY, TUPLE_IP, ZONE = 1, 2, 1, 18
V4_SRC, V4_DST = 1, 2
GENERIC = struct.pack(">BBH", socket.AF_INET, 0, 0)


def _ends(tuple_attribute: bytes) -> set[bytes]:
    ip = attributes(attributes(tuple_attribute).get(TUPLE_IP, b""))
    return {ip.get(V4_SRC, b""), ip.get(V4_DST, b"")}


def forget(addresses: Collection[str]) -> int:
    """Delete all entries to or from these addresses; return how many.

    One dump for all of them: kernels before 6.8 cannot filter a deletion.
    """
    wanted = {socket.inet_aton(a) for a in addresses}
    doomed: list[bytes] = []
    with NetlinkSocket(NETLINK_NETFILTER) as sock:
        for _, body in sock.dump("list connections", CT_GET, GENERIC):
            said = attributes(body[len(GENERIC) :])
            original, reply = said.get(TUPLE_ORIG, b""), said.get(TUPLE_REPLY, b"")
            if wanted & (_ends(original) | _ends(reply)):
                key = attribute(TUPLE_ORIG | 0x8000, original)
                if ZONE in said:
                    key += attribute(ZONE, said[ZONE])
                doomed.append(key)
        for key in doomed:
            try:
                sock.request("delete connection", CT_DELETE, 0, GENERIC + key)
            except NetlinkError as error:
                if not is_missing(error):
                    raise
    return len(doomed)
