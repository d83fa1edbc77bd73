"""A packet's headers as a value: IPv4, IPv6, and what tells its port.  Pure.

Only addresses, protocol and port are read, never what a packet carries.
"""

import socket

import msgspec

IPV4_BYTES, IPV6_BYTES = 20, 40
FRAGMENT_OFFSET = 0x1FFF
NAMES = {
    socket.IPPROTO_ICMP: "ICMP",
    socket.IPPROTO_TCP: "TCP",
    socket.IPPROTO_UDP: "UDP",
    socket.IPPROTO_ICMPV6: "ICMPv6",
    socket.IPPROTO_SCTP: "SCTP",
}
WITH_PORTS = (6, 17, 132)
HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, OPTIONS = 0, 43, 44, 51, 60
MOST_EXTENSIONS = 8


class PacketHeaders(msgspec.Struct, frozen=True, kw_only=True):
    """What the headers of a packet say."""

    source: str
    destination: str
    protocol: str
    """Its name, such as ``TCP``; the number of one without a name here."""
    port: int | None = None
    """The destination's; None where there is none, or it is in another fragment."""


def read_packet(data: bytes) -> PacketHeaders | None:
    """Return the headers of a packet, whose end may be cut off; None: it is none.

    Args:
        data: from the IP header on.
    """
    version = data[0] >> 4 if data else 0
    if version == 4 and len(data) >= IPV4_BYTES:  # noqa: PLR2004
        return _ipv4(data)
    if version == 6 and len(data) >= IPV6_BYTES:  # noqa: PLR2004
        return _ipv6(data)
    return None


def _ipv4(data: bytes) -> PacketHeaders | None:
    length = (data[0] & 0xF) * 4
    if length < IPV4_BYTES:
        return None
    is_first = not int.from_bytes(data[6:8]) & FRAGMENT_OFFSET
    return PacketHeaders(
        source=socket.inet_ntop(socket.AF_INET, data[12:16]),
        destination=socket.inet_ntop(socket.AF_INET, data[16:20]),
        protocol=_name(data[9]),
        port=_port(data[9], data[length:]) if is_first else None,
    )


def _ipv6(data: bytes) -> PacketHeaders:
    protocol, at, is_first = _transport(data)
    return PacketHeaders(
        source=socket.inet_ntop(socket.AF_INET6, data[8:24]),
        destination=socket.inet_ntop(socket.AF_INET6, data[24:40]),
        protocol=_name(protocol),
        port=_port(protocol, data[at:]) if is_first else None,
    )


def _transport(data: bytes) -> tuple[int, int, bool]:
    """Return the protocol, where its header is, and whether it is in this packet.

    Extension headers stand before it: how many is the sender's choice.
    """
    protocol, at = data[6], IPV6_BYTES
    for _ in range(MOST_EXTENSIONS):
        header = data[at : at + 8]
        if len(header) < 8:  # noqa: PLR2004
            break
        if protocol in (HOP_BY_HOP, ROUTING, OPTIONS):
            length = (header[1] + 1) * 8
        elif protocol == AUTHENTICATION:
            length = (header[1] + 2) * 4
        elif protocol == FRAGMENT:
            if int.from_bytes(header[2:4]) >> 3:
                return header[0], at + 8, False
            length = 8
        else:
            break
        protocol, at = header[0], at + length
    return protocol, at, True


def _name(protocol: int) -> str:
    return NAMES.get(protocol, str(protocol))


def _port(protocol: int, header: bytes) -> int | None:
    if protocol not in WITH_PORTS or len(header) < 4:  # noqa: PLR2004
        return None
    return int.from_bytes(header[2:4])
