"""The connections that end with an address."""

import socket
import struct

from vcnd.netlink import conntrack
from vcnd.netlink.messages import attribute, attributes


def tuple_of(source: str, destination: str) -> bytes:
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    kinds = (3, 4) if family == socket.AF_INET6 else (1, 2)
    ends = (source, destination)
    ip = b"".join(
        attribute(kind, socket.inet_pton(family, end))
        for kind, end in zip(kinds, ends, strict=True)
    )
    return attribute(1 | 0x8000, ip)


def entry(
    original: tuple[str, str], reply: tuple[str, str], rest: bytes = b""
) -> bytes:
    return (
        attribute(1 | 0x8000, tuple_of(*original))
        + attribute(2 | 0x8000, tuple_of(*reply))
        + rest
    )


def test_entries_of_an_address_are_found() -> None:
    wanted = {socket.inet_aton("10.1.0.5")}
    mark = attribute(8, b"\x0a\x01\x00\x05")  # the same bytes, but no address
    zone = attribute(18, struct.pack(">H", 7))
    other = ("10.1.0.6", "10.1.0.7")
    table = [
        entry(("10.1.0.5", "10.9.9.9"), ("10.9.9.9", "10.1.0.5")),
        entry(("10.9.9.9", "10.1.0.5"), ("10.1.0.5", "10.9.9.9"), zone),
        entry(("10.2.2.2", "10.96.0.1"), ("10.1.0.5", "10.2.2.2")),
        entry(other, other, mark),
        attribute(2 | 0x8000, tuple_of("10.1.0.5", "10.9.9.9")) + mark,
        b"",
    ]
    assert not list(conntrack._clearings_of(wanted, 0xFF, table[-2:]))
    assert not list(conntrack._clearings({0xFF: {5}}, table[-2:]))
    keys = list(conntrack._keys(wanted, table))
    assert keys == [
        attribute(1 | 0x8000, tuple_of("10.1.0.5", "10.9.9.9")),
        attribute(1 | 0x8000, tuple_of("10.9.9.9", "10.1.0.5")) + zone,
        attribute(1 | 0x8000, tuple_of("10.2.2.2", "10.96.0.1")),
    ]


def test_only_bits_with_stale_values_are_cleared() -> None:
    ends = ("10.1.0.5", "10.9.9.9")
    key = attribute(1 | 0x8000, tuple_of(*ends))
    marks = (0x020105, 0x020305, 0x010105, 0x05, 0x010205)
    table = [
        *(entry(ends, ends, attribute(8, mark.to_bytes(4))) for mark in marks),
        entry(ends, ends),
    ]
    stale = {0xFF00: {0x0100, 0x0500}, 0xFF0000: {0x020000}}
    changes = list(conntrack._clearings(stale, table))
    assert changes == [
        key + attribute(8, bytes(4)) + attribute(21, mask.to_bytes(4))
        for mask in (0xFFFF00, 0xFF0000, 0xFF00)
    ]


def tracked(
    source: str, destination: str, *, translated: str = "", protocol: int, port: int
) -> bytes:
    """Return an entry; ``translated``: where the connection was led to."""

    def one(ends: tuple[str, str], ports: tuple[int, int]) -> bytes:
        ip = attribute(1 | 0x8000, attributes(tuple_of(*ends))[1])
        numbers = attribute(1, bytes([protocol]))
        if port:
            numbers += attribute(2, struct.pack(">H", ports[0]))
            numbers += attribute(3, struct.pack(">H", ports[1]))
        return ip + attribute(2 | 0x8000, numbers)

    led = translated or destination
    original = one((source, destination), (40_000, 80 if translated else port))
    reply = one((led, source), (port, 40_000))
    return attribute(1 | 0x8000, original) + attribute(2 | 0x8000, reply)


def test_connections_are_told_as_they_are_after_translation() -> None:
    table = [
        tracked("10.1.0.5", "10.9.9.9", protocol=6, port=443),
        tracked("10.2.2.2", "10.96.0.1", translated="10.1.0.5", protocol=6, port=8080),
        tracked("10.1.0.5", "10.1.0.6", protocol=1, port=0),
        tracked("10.1.0.6", "10.1.0.7", protocol=17, port=53),
        # A Service's own address is no end.
        tracked("10.2.2.2", "10.1.0.5", translated="10.2.2.3", protocol=6, port=80),
        b"",
    ]
    wanted = {socket.inet_aton("10.1.0.5")}
    found = conntrack._connections(socket.AF_INET, wanted, table)
    assert list(found) == [
        conntrack.Connection("10.1.0.5", "10.9.9.9", 6, 443),
        conntrack.Connection("10.2.2.2", "10.1.0.5", 6, 8080),
        conntrack.Connection("10.1.0.5", "10.1.0.6", 1, 0),
    ]


def test_connections_of_ipv6_are_told_alike() -> None:
    table = [tracked("fd00::5", "fd00::6", protocol=132, port=7777)]
    wanted = {socket.inet_pton(socket.AF_INET6, "fd00::6")}
    found = conntrack._connections(socket.AF_INET6, wanted, table)
    assert list(found) == [conntrack.Connection("fd00::5", "fd00::6", 132, 7777)]


def test_marks_of_an_address_are_cleared_at_either_end() -> None:
    wanted = {socket.inet_aton("10.1.0.5")}
    mark = attribute(8, bytes([0, 3, 2, 1]))
    mine = ("10.1.0.5", "10.9.9.9")
    into = ("10.9.9.9", "10.96.0.1"), ("10.1.0.5", "10.9.9.9")
    translated = ("10.9.9.9", "10.1.0.5"), ("10.1.0.6", "10.9.9.9")
    table = [
        entry(mine, mine[::-1], mark),
        entry(*into, mark),
        entry(*translated, mark),  # it was led elsewhere
        entry(mine, mine[::-1], attribute(8, b"\0\0\0\x01")),  # has no number
        entry(("10.1.0.6", "10.1.0.7"), ("10.1.0.7", "10.1.0.6"), mark),
    ]
    new = attribute(8, bytes(4)) + attribute(21, b"\0\xff\xff\0")
    assert list(conntrack._clearings_of(wanted, 0xFFFF00, table)) == [
        attribute(1 | 0x8000, tuple_of(*ends)) + new for ends in (mine, into[0])
    ]
