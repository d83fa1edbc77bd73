"""Messages of NFLOG: as the kernel sent them once, and any others."""

import struct

from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink import nlmsg

from vcnd.netlink.messages import attribute, attributes, message
from vcnd.netlink.nflog import LoggedPacket, bind, logged
from vcnd.netlink.packets import PacketHeaders

UDP4 = (
    bytes.fromhex(
        "d80000000004000000000000000000000200766308000100080003001e000a00"
        "76636e642069736f6c6174656420696e5f306261646330646500000008000500"
        "0000000108000b000000000008000e0000000000840009004500010ce9d64000"
        "401152077f0000017f0000029c40003500f8ff0c736563726574736563726574"
    )
    + bytes.fromhex("736563726574") * 14
    + b"secr"
)
"""A datagram to port 53, of which the kernel logged 128 bytes."""
SYN6 = bytes.fromhex(
    "a80000000004000000000000000000000a0076630800010086dd03001f000a00"
    "76636e642072756c65206f75745f306261646330646520312030000008000500"
    "0000000108000b000000000008000e000000000054000900600ddbb600280640"
    "00000000000000000000000000000001000000000000000000000000000000019c"
    "4101bb94fc0b6400000000a002ffc4003000000204ffc40402080a6ef4708f00"
    "0000000103030a"
)
"""A SYN to port 443."""


def test_packets_that_a_kernel_logged() -> None:
    (packet,) = logged(UDP4)
    assert packet == LoggedPacket(
        prefix="vcnd isolated in_0badc0de",
        arrived_by=0,
        leaves_by=1,
        headers=PacketHeaders(
            source="127.0.0.1", destination="127.0.0.2", protocol="UDP", port=53
        ),
    )
    (packet,) = logged(SYN6)
    assert packet.prefix == "vcnd rule out_0badc0de 1 0"
    assert packet.headers == PacketHeaders(
        source="::1", destination="::1", protocol="TCP", port=443
    )


def test_a_datagram_may_have_several_packets() -> None:
    assert [x.headers.port for x in logged(UDP4 + SYN6)] == [53, 443]


def test_messages_of_other_kinds_are_passed_over() -> None:
    error = message(2, 0, struct.pack("=i", -1) + bytes(16))
    assert [x.headers.port for x in logged(error + SYN6)] == [443]


def test_a_message_without_a_packet_is_passed_over() -> None:
    assert list(logged(message(4 << 8, 0, bytes(4)))) == []
    assert list(logged(message(4 << 8, 0, bytes(4) + attribute(10, b"x\0")))) == []


@given(st.integers(0, len(UDP4)), st.binary(max_size=8))
def test_any_bytes_are_read_without_an_error(at: int, other: bytes) -> None:
    list(logged(UDP4[:at] + other + UDP4[at + len(other) :]))
    list(logged(UDP4[:at]))


@given(st.binary(max_size=200))
def test_any_attributes_are_read_without_an_error(body: bytes) -> None:
    list(logged(message(4 << 8, 0, bytes(4) + body)))


def test_the_request_for_a_group() -> None:
    kind, flags, body = bind(30307)
    assert (kind, flags) == (4 << 8 | 1, 0)
    assert body[:4] == bytes([0, 0, 0x76, 0x63])
    parts = attributes(body[4:])
    assert parts == {
        1: b"\1",  # bind
        2: struct.pack(">IBB", 128, 2, 0),  # copy so much of a packet
        5: struct.pack(">I", 1),  # send each at once
    }
    whole = nlmsg(message(kind, 5, body, 1))
    whole.decode()
    assert whole["header"]["length"] == 16 + len(body)
