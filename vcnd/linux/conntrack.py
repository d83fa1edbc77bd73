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
V4_SRC, V4_DST, V6_SRC, V6_DST = 1, 2, 3, 4


def _ends(tuple_attribute: bytes) -> set[bytes]:
    ip = attributes(attributes(tuple_attribute).get(TUPLE_IP, b""))
    return {ip.get(end, b"") for end in (V4_SRC, V4_DST, V6_SRC, V6_DST)} - {b""}


def forget(addresses: Collection[str]) -> int:
    """Delete all entries to or from these addresses; return how many.

    One dump a family for all of them: kernels before 6.8 cannot filter a deletion.
    """
    number = 0
    for family in (socket.AF_INET, socket.AF_INET6):
        six = family == socket.AF_INET6
        some = [a for a in addresses if (":" in a) == six]
        if some:
            number += _forget(family, {socket.inet_pton(family, a) for a in some})
    return number


def _forget(family: int, wanted: set[bytes]) -> int:
    generic = struct.pack(">BBH", family, 0, 0)
    doomed: list[bytes] = []
    with NetlinkSocket(NETLINK_NETFILTER) as sock:
        for _, body in sock.dump("list connections", CT_GET, generic):
            said = attributes(body[len(generic) :])
            original, reply = said.get(TUPLE_ORIG, b""), said.get(TUPLE_REPLY, b"")
            if wanted & (_ends(original) | _ends(reply)):
                key = attribute(TUPLE_ORIG | 0x8000, original)
                if ZONE in said:
                    key += attribute(ZONE, said[ZONE])
                doomed.append(key)
        for key in doomed:
            try:
                sock.request("delete connection", CT_DELETE, 0, generic + key)
            except NetlinkError as error:
                if not is_missing(error):
                    raise
    return len(doomed)
