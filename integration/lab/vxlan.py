"""VXLAN packets as the target of a VTAP gets them (RFC 7348)."""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Self

from integration.lab.frames import ETH_P_IP, ETH_P_IPV6

PORT = 4789
HEADER, ETHERNET = 8, 14


@dataclass(frozen=True, kw_only=True)
class Inner:
    """A mirrored packet, and how it came."""

    outer_source: str
    identifier: int
    source: str
    """Empty if it is no IP packet, such as ARP."""
    destination: str
    protocol: int

    @classmethod
    def of(cls, outer_source: str, data: bytes) -> Self:
        """Return what a datagram to the VXLAN port has in it."""
        (identifier,) = struct.unpack_from("!I", data, 4)
        (kind,) = struct.unpack_from("!H", data, HEADER + 12)
        packet, ends, protocol = data[HEADER + ETHERNET :], ["", ""], -1
        if kind == ETH_P_IP:
            ends = [str(IPv4Address(packet[at : at + 4])) for at in (12, 16)]
            protocol = packet[9]
        elif kind == ETH_P_IPV6:
            ends = [str(IPv6Address(packet[at : at + 16])) for at in (8, 24)]
            protocol = packet[6]
        return cls(
            outer_source=outer_source,
            identifier=identifier >> 8,
            source=ends[0],
            destination=ends[1],
            protocol=protocol,
        )
