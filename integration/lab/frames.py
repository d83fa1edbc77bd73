"""Ethernet frames made by hand, sent from and received in a namespace."""

import select
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from fakeoci.fabric import netns

ETH_P_ALL, ETH_P_IP, ETH_P_IPV6, ETH_P_8021Q = 0x0003, 0x0800, 0x86DD, 0x8100
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
TCP, UDP = socket.IPPROTO_TCP, socket.IPPROTO_UDP
IPV6_VERSION = 6 << 4
RECEIVE_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Packet:
    """A TCP or UDP packet."""

    source: tuple[str, int]
    target: tuple[str, int]
    protocol: int = UDP
    payload: bytes = b"."
    hops: int = 64
    flags: int = ACK
    options: bytes = b""
    """IPv4: options; IPv6: extension headers, a whole number of eight bytes."""
    next_header: int | None = None
    """IPv6: of the fixed header, where there are extension headers."""
    fragment: int = 0
    """IPv4: flags and offset of a fragment."""

    @property
    def _segment(self) -> bytes:
        ports = struct.pack("!HH", self.source[1], self.target[1])
        if self.protocol == UDP:
            return ports + struct.pack("!HH", 8 + len(self.payload), 0) + self.payload
        header = struct.pack("!IIBBHHH", 0, 0, 0x50, self.flags, 1024, 0, 0)
        return ports + header + self.payload

    @property
    def raw(self) -> bytes:
        """Return the packet from its IP header on."""
        segment = self._segment
        source, target = raw_address(self.source[0]), raw_address(self.target[0])
        if ":" in self.source[0]:
            pseudo = source + target + struct.pack("!II", len(segment), self.protocol)
            segment = self._checked(segment, pseudo)
            first = self.protocol if self.next_header is None else self.next_header
            length = len(self.options) + len(segment)
            header = struct.pack("!IHBB", 6 << 28, length, first, self.hops)
            return header + source + target + self.options + segment
        pseudo = source + target + struct.pack("!HH", self.protocol, len(segment))
        segment = self._checked(segment, pseudo)
        words = 5 + len(self.options) // 4
        header = struct.pack(
            "!BBHHHBBH",
            *(0x40 | words, 0, words * 4 + len(segment), 77),
            *(self.fragment, self.hops, self.protocol, 0),
        )
        header += source + target + self.options
        check = struct.pack("!H", checksum(header))
        return header[:10] + check + header[12:] + segment

    def _checked(self, segment: bytes, pseudo: bytes) -> bytes:
        at = 6 if self.protocol == UDP else 16
        check = struct.pack("!H", checksum(pseudo + segment) or 0xFFFF)
        return segment[:at] + check + segment[at + 2 :]


def raw_address(address: str) -> bytes:
    """Return an address as in a packet."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.inet_pton(family, address)


def hops(packet: bytes) -> int:
    """Return how many hops a packet has left."""
    return packet[7 if packet[0] >= IPV6_VERSION else 8]


def is_tcp_or_udp(packet: bytes) -> bool:
    """Return True if TCP or UDP follows the IP header."""
    return packet[6 if packet[0] >= IPV6_VERSION else 9] in {TCP, UDP}


def icmp_type(packet: bytes) -> int | None:
    """Return the type of an ICMP message; None for other packets."""
    if packet[0] >= IPV6_VERSION:
        return packet[40] if packet[6] == socket.IPPROTO_ICMPV6 else None
    return packet[20] if packet[9] == socket.IPPROTO_ICMP else None


def checksum(data: bytes) -> int:
    """Return the Internet checksum of bytes (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _link(name: str, link: str) -> socket.socket:
    def make() -> socket.socket:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sock.bind((link, ETH_P_ALL))
        return sock

    return netns.inside(name, make)


def _node_mac(name: str) -> bytes:
    """Return the MAC of a pod's node, its first neighbour."""
    words = netns.ip_output(name, "neigh", "show", "dev", "eth0").split()
    return bytes.fromhex(words[words.index("lladdr") + 1].replace(":", ""))


def send(
    name: str,
    *packets: bytes,
    mac: bytes | None = None,
    vlan: int | None = None,
    link: str = "eth0",
) -> None:
    """Send packets from a pod's eth0, or another link.

    Args:
        name: the pod's namespace.
        packets: each from its IP header on.
        link: the link.
        mac: the destination's; else the node's.
        vlan: number of a VLAN whose tag they carry; else they carry none.
    """
    with _link(name, link) as sock:
        ends = (mac or _node_mac(name)) + sock.getsockname()[4]
        for packet in packets:
            kind = ETH_P_IPV6 if packet[0] >= IPV6_VERSION else ETH_P_IP
            tag = b"" if vlan is None else struct.pack("!HH", ETH_P_8021Q, vlan)
            sock.send(ends + tag + struct.pack("!H", kind) + packet)


class Watch:
    """Sees the frames that a link of a namespace receives and sends."""

    def __init__(self, name: str, link: str) -> None:
        self._sock = _link(name, link)

    def packets(self, marker: bytes) -> list[bytes]:
        """Return the packets since the last call that contain some bytes.

        Each begins with its IP header.
        """
        found = []
        while select.select([self._sock], [], [], 0)[0]:
            with suppress(OSError):  # says once that the link went down
                frame = self._sock.recv(RECEIVE_BYTES)
                if marker in frame:
                    found.append(frame[14:])
        return found

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._sock.close()
