"""Connection tracking: forget the connections of an address that was released."""

import re
import socket
import struct
from collections.abc import Collection, Iterable, Iterator

from vcnd.netlink.messages import (
    NetlinkError,
    NetlinkSocket,
    attribute,
    attributes,
    is_missing,
)
from vcnd.netlink.nftables import NETLINK_NETFILTER

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
    number = 0
    with (
        NetlinkSocket(NETLINK_NETFILTER) as listing,
        NetlinkSocket(NETLINK_NETFILTER) as deleting,
    ):
        dump = listing.dump("list connections", CT_GET, generic)
        # While the table is listed: of a million entries none is kept here.
        for key in _keys(wanted, (body[len(generic) :] for _, body in dump)):
            try:
                deleting.request("delete connection", CT_DELETE, 0, generic + key)
            except NetlinkError as error:
                if not is_missing(error):
                    raise
            else:
                number += 1
    return number


def _keys(wanted: set[bytes], entries: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what identifies each entry that has one of these addresses."""
    # Most entries are others'.  They are skipped in C: a thread that parses holds the
    # interpreter's lock, and the calls wait for it.
    mentions = re.compile(b"|".join(re.escape(address) for address in wanted)).search
    for entry in entries:
        if not mentions(entry):
            continue
        parts = attributes(entry)
        original, reply = parts.get(TUPLE_ORIG, b""), parts.get(TUPLE_REPLY, b"")
        if wanted & (_ends(original) | _ends(reply)):
            zone = attribute(ZONE, parts[ZONE]) if ZONE in parts else b""
            yield attribute(TUPLE_ORIG | 0x8000, original) + zone
