"""Entries of connection tracking: those of the wanted addresses alone are touched."""

import socket
from collections.abc import Iterable

from tests.fuzz.choices import Choices
from vcnd.netlink import conntrack
from vcnd.netlink.messages import attribute, nested, u32

WANTED4 = socket.inet_pton(socket.AF_INET, "10.0.0.1")
WANTED6 = socket.inet_pton(socket.AF_INET6, "fd00::1")


def run(data: bytes) -> None:
    """Read entries."""
    choices = Choices(data)
    entries = [choices.take(choices.below(200)) for _ in range(choices.below(4))]
    entries.append(choices.rest())
    for family, wanted in (
        (socket.AF_INET, WANTED4),
        (socket.AF_INET6, WANTED6),
    ):
        for found in conntrack._connections(family, {wanted}, entries):
            if socket.inet_ntop(family, wanted) not in (
                found.source,
                found.destination,
            ):
                raise AssertionError(f"{found} is of nobody wanted")
        for key in conntrack._keys({wanted}, entries):
            if wanted not in key and not any(wanted in e for e in entries):
                raise AssertionError("an entry of nobody wanted is named")
        list(conntrack._clearings_of({wanted}, 0xFF, entries))
    list(conntrack._clearings({0xFF: (1, 2)}, entries))


def seeds() -> Iterable[bytes]:
    """Return entries of both families."""
    for wanted, source, destination in (
        (WANTED4, conntrack.V4_SRC, conntrack.V4_DST),
        (WANTED6, conntrack.V6_SRC, conntrack.V6_DST),
    ):
        ip = nested(
            conntrack.TUPLE_IP,
            attribute(source, wanted),
            attribute(destination, bytes(len(wanted))),
        )
        ports = nested(conntrack.TUPLE_PROTO, attribute(conntrack.PROTO_NUMBER, b"\6"))
        entry = nested(conntrack.TUPLE_ORIG, ip, ports)
        entry += nested(conntrack.TUPLE_REPLY, ip, ports)
        entry += attribute(conntrack.MARK, bytes([0, 0, 0, 1]))
        yield b"\0" + entry
        yield bytes([1, len(entry)]) + entry + entry + u32(conntrack.ZONE, 1)
