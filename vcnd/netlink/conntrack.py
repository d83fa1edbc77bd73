"""Connection tracking: forget connections, and take numbers off their marks.

Entries that nothing identifies, or with ends that are no addresses, are left out.
"""

import re
import socket
import struct
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from vcnd.netlink.listed import address
from vcnd.netlink.messages import (
    NetlinkError,
    NetlinkSocket,
    attribute,
    attributes,
    is_missing,
    nested,
    u32,
)
from vcnd.netlink.nftables import NETLINK_NETFILTER

SUBSYSTEM = 1 << 8
CT_NEW, CT_GET, CT_DELETE = SUBSYSTEM, SUBSYSTEM | 1, SUBSYSTEM | 2
CT_GET_STATS, STATS_ENTRIES = SUBSYSTEM | 5, 1
TUPLE_ORIG, TUPLE_REPLY, TUPLE_IP, MARK, ZONE, MARK_MASK = 1, 2, 1, 8, 18, 21
FAMILIES = (socket.AF_INET, socket.AF_INET6)
V4_SRC, V4_DST, V6_SRC, V6_DST = 1, 2, 3, 4
ENDS, SOURCES = (V4_SRC, V4_DST, V6_SRC, V6_DST), (V4_SRC, V6_SRC)
FILTER, FILTER_ORIG, FILTER_REPLY, FILTER_BY_SOURCE = 25, 1, 2, 1
MOST_FILTERS = 4
"""The kernel walks through its whole table twice for each address that chooses entries:
for more addresses it is listed whole."""
MOST_LISTED = 10_000
"""So many entries are listed whole: a walk through an empty table takes 5 ms."""
V4_ENDS, V6_ENDS = (V4_SRC, V4_DST), (V6_SRC, V6_DST)
TUPLE_PROTO, PROTO_NUMBER, PROTO_SRC_PORT = 2, 1, 2


class Connection(NamedTuple):
    """What is the same in all connections from an address to a port of another."""

    source: str
    destination: str
    """After translation: of a Service, the pod behind it."""
    protocol: int
    port: int
    """The destination's; 0 where the protocol has none."""


def _ends(tuple_attribute: bytes, kinds: Iterable[int] = ENDS) -> set[bytes]:
    ip = attributes(attributes(tuple_attribute).get(TUPLE_IP, b""))
    return {ip.get(end, b"") for end in kinds} - {b""}


def forget(addresses: Collection[str]) -> int:
    """Delete all entries to or from these addresses; return how many.

    One dump a family for all of them: kernels before 6.8 cannot filter a deletion.
    """
    number = 0
    for family in FAMILIES:
        six = family == socket.AF_INET6
        some = {socket.inet_pton(family, a) for a in addresses if (":" in a) == six}
        if some:
            keys = partial(_keys, some)
            number += _change(family, "delete connection", CT_DELETE, keys)
    return number


def connections(addresses: Collection[str], most: int) -> Counter[Connection]:
    """Return the connections to or from these addresses, and how many are alike.

    Args:
        addresses: of either end.
        most: so many that differ at most; further ones are left out.
    """
    found: Counter[Connection] = Counter()
    for family in FAMILIES:
        six = family == socket.AF_INET6
        some = {socket.inet_pton(family, a) for a in addresses if (":" in a) == six}
        if not some:
            continue
        generic = struct.pack(">BBH", family, 0, 0)
        with NetlinkSocket(NETLINK_NETFILTER) as sock:
            dump = sock.dump("list connections", CT_GET, generic)
            entries = (body[len(generic) :] for _, body in dump)
            for connection in _connections(family, some, entries):
                if len(found) < most or connection in found:
                    found[connection] += 1
    return found


def _connections(
    family: int, wanted: set[bytes], entries: Iterable[bytes]
) -> Iterator[Connection]:
    """Yield the connections that begin or end at one of these addresses."""
    mentions = _mentions(wanted)
    kinds = V6_ENDS if family == socket.AF_INET6 else V4_ENDS
    for entry in entries:
        if not mentions(entry):
            continue
        parts = attributes(entry)
        original = attributes(parts.get(TUPLE_ORIG, b""))
        reply = attributes(parts.get(TUPLE_REPLY, b""))
        source = attributes(original.get(TUPLE_IP, b"")).get(kinds[0], b"")
        # Answers come from where the connection has been led to.
        destination = attributes(reply.get(TUPLE_IP, b"")).get(kinds[0], b"")
        if wanted.isdisjoint((source, destination)):
            continue
        ends = address(family, source), address(family, destination)
        if not all(ends):
            continue
        protocol = attributes(reply.get(TUPLE_PROTO, b""))
        yield Connection(
            source=ends[0],
            destination=ends[1],
            protocol=int.from_bytes(protocol.get(PROTO_NUMBER, b"")),
            port=int.from_bytes(protocol.get(PROTO_SRC_PORT, b"")),
        )


def _mentions(addresses: set[bytes]) -> Callable[[bytes], object]:
    """Return what tells whether an entry has one of some addresses, or looks so.

    Most entries are others'.  They are skipped in C: a thread that parses holds the
    interpreter's lock, and the calls wait for it.
    """
    return re.compile(b"|".join(re.escape(address) for address in addresses)).search


def clear_marks(stale: Mapping[int, Collection[int]]) -> int:
    """Set bits of marks to 0 where they have one of some values; return how often.

    The connections stay, and so does what translates their addresses.

    Args:
        stale: the values, by the mask of the bits; both as they stand in a mark.
    """
    keys = partial(_clearings, stale)
    return sum(_change(family, "set mark", CT_NEW, keys) for family in FAMILIES)


def clear_marks_of(addresses: Collection[str], mask: int) -> int:
    """Set bits of the marks of connections to 0; return how often.

    Args:
        addresses: of either end: the source, and where the connection is led to.
        mask: the bits.
    """
    number = 0
    for family in FAMILIES:
        six = family == socket.AF_INET6
        some = [socket.inet_pton(family, a) for a in addresses if (":" in a) == six]
        keys = partial(_clearings_of, {*some}, mask)
        filters = [b""] if some else []
        # Of IPv6 a kernel chooses all entries but those asked for (seen in 6.18).
        if not six and len(some) <= MOST_FILTERS and entries() > MOST_LISTED:
            ends = (TUPLE_ORIG, FILTER_ORIG), (TUPLE_REPLY, FILTER_REPLY)
            filters = [of_source(x, *end) for x in some for end in ends]
        for chosen in filters:
            number += _change(family, "set mark", CT_NEW, keys, chosen)
    return number


def entries() -> int:
    """Return the number of connections."""
    with NetlinkSocket(NETLINK_NETFILTER) as sock:
        generic = struct.pack(">BBH", 0, 0, 0)
        found = sock.get("count connections", CT_GET_STATS, generic)
    return int.from_bytes(attributes(found[4:]).get(STATS_ENTRIES, b""))


def of_source(address: bytes, end: int, flags: int) -> bytes:
    """Return what lets a kernel list only IPv4 entries with a source.

    A kernel before 5.8 lists all.

    Args:
        address: the source.
        end: the tuple whose source it is.
        flags: the attribute with the flags of this tuple.
    """
    source = nested(end, nested(TUPLE_IP, attribute(V4_SRC, address)))
    return source + nested(FILTER, u32(flags, FILTER_BY_SOURCE))


def _change(
    family: int,
    step: str,
    kind: int,
    changes: Callable[[Iterable[bytes]], Iterator[bytes]],
    chosen: bytes = b"",
) -> int:
    """Make the changes that entries need, and return their number.

    Args:
        family: AF_INET or AF_INET6.
        step: what a change does.
        kind: the message that does it.
        changes: yields the attributes of each message.
        chosen: attributes that choose entries; empty: all.
    """
    generic = struct.pack(">BBH", family, 0, 0)
    number = 0
    with (
        NetlinkSocket(NETLINK_NETFILTER) as listing,
        NetlinkSocket(NETLINK_NETFILTER) as changing,
    ):
        dump = listing.dump("list connections", CT_GET, generic + chosen)
        # While the table is listed: of a million entries none is kept here.
        for change in changes(body[len(generic) :] for _, body in dump):
            try:
                changing.request(step, kind, 0, generic + change)
            except NetlinkError as error:
                if not is_missing(error):
                    raise
            else:
                number += 1
    return number


def _keys(wanted: set[bytes], entries: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what identifies each entry that has one of these addresses."""
    mentions = _mentions(wanted)
    for entry in entries:
        if not mentions(entry):
            continue
        parts = attributes(entry)
        original, reply = parts.get(TUPLE_ORIG, b""), parts.get(TUPLE_REPLY, b"")
        if original and wanted & (_ends(original) | _ends(reply)):
            yield _key(parts)


def _clearings(
    stale: Mapping[int, Collection[int]], entries: Iterable[bytes]
) -> Iterator[bytes]:
    """Yield what identifies each entry that has one of these values, and new bits."""
    for entry in entries:
        parts = attributes(entry)
        mark = int.from_bytes(parts.get(MARK, b""))
        bits = sum(mask for mask, values in stale.items() if mark & mask in values)
        if bits and TUPLE_ORIG in parts:
            new = attribute(MARK, bytes(4)) + attribute(MARK_MASK, bits.to_bytes(4))
            yield _key(parts) + new


def _clearings_of(
    wanted: set[bytes], mask: int, entries: Iterable[bytes]
) -> Iterator[bytes]:
    """Yield likewise what clears the marks of entries that have one of the addresses.

    Answers come from where a connection has been led to.
    """
    mentions = _mentions(wanted)
    new = attribute(MARK, bytes(4)) + attribute(MARK_MASK, mask.to_bytes(4))
    for entry in entries:
        if not mentions(entry):
            continue
        parts = attributes(entry)
        marked = int.from_bytes(parts.get(MARK, b"")) & mask
        if (
            marked
            and TUPLE_ORIG in parts
            and any(
                not wanted.isdisjoint(_ends(parts.get(end, b""), SOURCES))
                for end in (TUPLE_ORIG, TUPLE_REPLY)
            )
        ):
            yield _key(parts) + new


def _key(parts: Mapping[int, bytes]) -> bytes:
    """Return the attributes that identify an entry."""
    zone = attribute(ZONE, parts[ZONE]) if ZONE in parts else b""
    return attribute(TUPLE_ORIG | 0x8000, parts[TUPLE_ORIG]) + zone
