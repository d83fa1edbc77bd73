"""Netfilter's data in a namespace: connections with counters, and logged packets.

Netlink by hand, for there is no maintained library that reads either: ctnetlink
(uapi nfnetlink_conntrack.h) and NFLOG (uapi nfnetlink_log.h).
"""

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

NETLINK_NETFILTER = 12
CT, LOG = 1 << 8, 4 << 8
CT_GET, CT_DELETE, LOG_PACKET, LOG_CONFIG = CT | 1, CT | 2, LOG | 0, LOG | 1
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
TYPE_ERROR, TYPE_DONE = 2, 3
TUPLE_ORIG, TUPLE_REPLY, COUNTERS_ORIG, COUNTERS_REPLY = 1, 2, 9, 10
TUPLE_IP, TUPLE_PROTO = 1, 2
CFG_CMD, CFG_MODE, CFG_QUEUE_THRESHOLD, PAYLOAD = 1, 2, 5, 9
BIND, COPY_PACKET = 1, 2
COPY_BYTES = 64
MOST = 1 << 16


@dataclass(frozen=True, slots=True)
class Way:
    """One direction of a flow."""

    source: str
    destination: str
    protocol: int
    source_port: int
    destination_port: int


@dataclass(frozen=True, slots=True)
class Counted:
    """A direction of a connection, with its packets and bytes."""

    way: Way
    packets: int
    bytes: int
    is_reply: bool = False
    """True: the direction back to the host that opened the connection."""


def _message(kind: int, flags: int, family: int, resource: int, body: bytes) -> bytes:
    inner = struct.pack(">BBH", family, 0, resource) + body
    return struct.pack("=IHHII", 16 + len(inner), kind, flags, 0, 0) + inner


def _attribute(kind: int, payload: bytes) -> bytes:
    size = 4 + len(payload)
    return struct.pack("=HH", size, kind) + payload + b"\0" * (-size % 4)


def _attributes(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        if size < 4:  # noqa: PLR2004
            break
        found[kind & 0x3FFF] = data[at + 4 : at + size]
        at += (size + 3) & ~3
    return found


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 16 <= len(data):
        size, kind = struct.unpack_from("=IH", data, at)
        yield kind, data[at + 16 : at + size]
        at += (size + 3) & ~3


def _open() -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    sock.bind((0, 0))
    return sock


def connections() -> list[Counted]:
    """Return both directions of all connections of this thread's namespace."""
    return [*_connections(socket.AF_INET), *_connections(socket.AF_INET6)]


def _connections(family: int) -> list[Counted]:
    found: list[Counted] = []
    with _open() as sock:
        sock.send(_message(CT_GET, REQUEST | DUMP, family, 0, b""))
        while True:
            for kind, body in _messages(sock.recv(MOST)):
                if kind in (TYPE_DONE, TYPE_ERROR):
                    return found
                parts = _attributes(body[4:])
                for tuple_, counters in (
                    (TUPLE_ORIG, COUNTERS_ORIG),
                    (TUPLE_REPLY, COUNTERS_REPLY),
                ):
                    counted = _counted(
                        parts.get(tuple_, b""),
                        parts.get(counters, b""),
                        is_reply=tuple_ == TUPLE_REPLY,
                    )
                    if counted is not None:
                        found.append(counted)


def forget_connections() -> None:
    """Delete all connections: the rules judge every flow anew."""
    with _open() as sock:
        for family in (socket.AF_INET, socket.AF_INET6):
            sock.send(_message(CT_DELETE, REQUEST | ACK, family, 0, b""))
            sock.recv(MOST)


def _counted(tuple_: bytes, counters: bytes, *, is_reply: bool) -> Counted | None:
    parts = _attributes(tuple_)
    ip = _attributes(parts.get(TUPLE_IP, b""))
    proto = _attributes(parts.get(TUPLE_PROTO, b""))
    count = _attributes(counters)
    source, destination = ip.get(1) or ip.get(3), ip.get(2) or ip.get(4)
    if not source or not destination or 1 not in count:
        return None
    port = b"\0\0"
    way = Way(
        source=_text(source),
        destination=_text(destination),
        protocol=proto.get(1, b"\0")[0],
        source_port=int.from_bytes(proto.get(2, port)),
        destination_port=int.from_bytes(proto.get(3, port)),
    )
    packets, size = int.from_bytes(count[1]), int.from_bytes(count[2])
    return Counted(way, packets, size, is_reply)


def _text(address: bytes) -> str:
    four = len(address) == 4  # noqa: PLR2004
    return socket.inet_ntop(socket.AF_INET if four else socket.AF_INET6, address)


def subscribe_log(group: int) -> socket.socket:
    """Return a socket with the packets that rules log to a group, in this namespace."""
    sock = _open()
    command = _attribute(CFG_CMD, struct.pack("=B", BIND))
    mode = _attribute(CFG_MODE, struct.pack(">IBB", COPY_BYTES, COPY_PACKET, 0))
    # One packet per datagram: else the kernel gathers them for a second.
    at_once = _attribute(CFG_QUEUE_THRESHOLD, struct.pack(">I", 1))
    for body in (command, mode, at_once):
        sock.send(_message(LOG_CONFIG, REQUEST | ACK, socket.AF_INET, group, body))
        for kind, answer in _messages(sock.recv(MOST)):
            code = struct.unpack_from("=i", answer)[0] if kind == TYPE_ERROR else 0
            if code:
                raise OSError(-code, f"NFLOG group {group}")
    return sock


def logged(data: bytes) -> Iterator[Counted]:
    """Yield the packets in a datagram of a log socket."""
    for kind, body in _messages(data):
        packet = _attributes(body[4:]).get(PAYLOAD, b"") if kind == LOG_PACKET else b""
        if len(packet) < 20:  # noqa: PLR2004 - an IPv4 header
            continue
        yield _logged_v6(packet) if packet[0] >> 4 == 6 else _logged_v4(packet)  # noqa: PLR2004


def _logged_v4(packet: bytes) -> Counted:
    header = (packet[0] & 0xF) * 4
    way = _way(packet, packet[12:16], packet[16:20], packet[9], header)
    return Counted(way, 1, int.from_bytes(packet[2:4]))


def _logged_v6(packet: bytes) -> Counted:
    # Extension headers are not read: the addresses are enough.
    way = _way(packet, packet[8:24], packet[24:40], packet[6], 40)
    return Counted(way, 1, 40 + int.from_bytes(packet[4:6]))


def _way(
    packet: bytes, source: bytes, destination: bytes, protocol: int, header: int
) -> Way:
    ports = packet[header : header + 4] if protocol in (6, 17) else b""
    return Way(
        source=_text(source),
        destination=_text(destination),
        protocol=protocol,
        source_port=int.from_bytes(ports[:2]),
        destination_port=int.from_bytes(ports[2:4]),
    )
