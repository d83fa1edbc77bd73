"""What is read of a packet's headers."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcnd.netlink.packets import NAMES, PacketHeaders, read_packet

FOUR, SIX = ("10.0.0.1", "192.0.2.7"), ("fd00::1", "2001:db8::7")
NUMBERS = {name: number for number, name in NAMES.items()}


def ipv4(
    protocol: int, payload: bytes = b"", *, options: int = 0, offset: int = 0
) -> bytes:
    ends = b"".join(socket.inet_pton(socket.AF_INET, x) for x in FOUR)
    length = 20 + 4 * options
    head = struct.pack(
        ">BBHHHBBH", 0x40 | length // 4, 0, length, 7, offset, 64, protocol, 0
    )
    return head + ends + bytes(4 * options) + payload


def ipv6(protocol: int, payload: bytes = b"") -> bytes:
    ends = b"".join(socket.inet_pton(socket.AF_INET6, x) for x in SIX)
    return struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + ends + payload


def ports(destination: int) -> bytes:
    return struct.pack(">HHI", 40_000, destination, 0)


def expected(ends: tuple[str, str], protocol: str, port: int | None) -> PacketHeaders:
    source, destination = ends
    return PacketHeaders(
        source=source, destination=destination, protocol=protocol, port=port
    )


@pytest.mark.parametrize("protocol", ["TCP", "UDP", "SCTP"])
def test_ports_of_both_families(protocol: str) -> None:
    number = NUMBERS[protocol]
    for made, ends in ((ipv4, FOUR), (ipv6, SIX)):
        assert read_packet(made(number, ports(443))) == expected(ends, protocol, 443)


def test_protocols_without_ports() -> None:
    echo = bytes([8, 0, 1, 2, 3, 4, 5, 6])
    assert read_packet(ipv4(1, echo)) == expected(FOUR, "ICMP", None)
    assert read_packet(ipv6(58, echo)) == expected(SIX, "ICMPv6", None)
    assert read_packet(ipv4(47, echo)) == expected(FOUR, "47", None)


def test_ports_after_ipv4_options() -> None:
    assert read_packet(ipv4(6, ports(80), options=10)) == expected(FOUR, "TCP", 80)


@pytest.mark.parametrize(
    "extensions",
    [
        [(0, 0)],
        [(60, 1), (43, 2)],
        [(0, 0), (44, 0)],
        [(51, 4), (60, 0)],
    ],
)
def test_ports_after_ipv6_extensions(extensions: list[tuple[int, int]]) -> None:
    data, following = ports(80), 17
    for kind, length in reversed(extensions):
        size = 4 * (length + 2) if kind == 51 else 8 * (length + 1)
        data = bytes([following, length]) + bytes(size - 2) + data
        following = kind
    assert read_packet(ipv6(following, data)) == expected(SIX, "UDP", 80)


def test_later_fragments_have_no_port() -> None:
    assert read_packet(ipv4(17, ports(80), offset=100)) == expected(FOUR, "UDP", None)
    fragment = struct.pack(">BBHI", 17, 0, 100 << 3, 7)
    found = read_packet(ipv6(44, fragment + ports(80)))
    assert found == expected(SIX, "UDP", None)


def test_a_packet_that_is_cut_has_no_port() -> None:
    assert read_packet(ipv4(6, b"\1\2\3")) == expected(FOUR, "TCP", None)
    assert read_packet(ipv6(6)) == expected(SIX, "TCP", None)
    assert read_packet(ipv6(0, b"\6")) == expected(SIX, "0", None)


@pytest.mark.parametrize(
    "data", [b"", b"\x45", ipv4(6)[:19], ipv6(6)[:39], b"\x44" + ipv4(6)[1:], bytes(40)]
)
def test_what_is_no_packet_is_refused(data: bytes) -> None:
    assert read_packet(data) is None


@given(
    st.binary(max_size=128)
    | st.binary(max_size=80).map(lambda x: ipv6(0, x))
    | st.tuples(st.integers(0, 255), st.binary(max_size=80)).map(
        lambda x: ipv6(x[0], x[1])
    )
)
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    found = read_packet(data)
    if found is not None:
        assert found.port is None or 0 <= found.port <= 65535
