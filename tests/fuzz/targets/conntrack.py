"""Entries of connection tracking: those of the wanted addresses alone are touched."""

import socket
from collections.abc import Callable, Iterable
from functools import partial

from tests.fuzz.choices import Choices
from vcnd.netlink import conntrack
from vcnd.netlink.messages import attribute, attributes, nested, u32

WANTED4 = socket.inet_pton(socket.AF_INET, "10.0.0.1")
WANTED6 = socket.inet_pton(socket.AF_INET6, "fd00::1")
Changes = Callable[[list[bytes]], Iterable[bytes]]


def run(data: bytes) -> None:
    """Read entries."""
    choices = Choices(data)
    entries = [choices.take(choices.below(200)) for _ in range(choices.below(4))]
    entries.append(choices.rest())
    mark = partial(conntrack._clearings, {0xFF: (1, 2)})
    for change in _of_each(mark, entries, has=conntrack.MARK.to_bytes(1)):
        _check_clearing(change)
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
        _of_each(partial(conntrack._keys, {wanted}), entries, has=wanted)
        clear = partial(conntrack._clearings_of, {wanted}, 0xFF)
        for change in _of_each(clear, entries, has=wanted):
            _check_clearing(change)


def _of_each(changes: Changes, entries: list[bytes], *, has: bytes) -> list[bytes]:
    """Return the changes of all entries: at most one of each, and of those alone."""
    alone = [list(changes([entry])) for entry in entries]
    for entry, found in zip(entries, alone, strict=True):
        if len(found) > 1 or (found and has not in entry):
            raise AssertionError(f"{entry!r} is changed by {found}")
    together = list(changes(entries))
    if together != [change for found in alone for change in found]:
        raise AssertionError("an entry changes what another one gets")
    return together


def _check_clearing(change: bytes) -> None:
    """Raise if more than the wanted bits of a mark change."""
    parts = attributes(change)
    if parts[conntrack.MARK] != bytes(4) or parts[conntrack.MARK_MASK] != bytes(
        [0, 0, 0, 0xFF]
    ):
        raise AssertionError(f"{parts} changes other bits")


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
