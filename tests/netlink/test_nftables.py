"""The bytes of one element's change, as pyroute2's parser reads them."""

import struct
from collections.abc import Iterator
from typing import cast

import pytest
from pyroute2.netlink.nfnetlink.nftsocket import nft_set_elem_list_msg

from vcnd.netlink import nftables
from vcnd.netlink.messages import (
    Message,
    NetlinkSocket,
    attribute,
    nested,
    numbered,
)
from vcnd.netlink.templates import Template

FOUR = b"oci1" + bytes(12) + b"\x0a\x00\x00\x01"
SIX = b"oci1" + bytes(12) + b"\xfd" + bytes(14) + b"\x01"
REQUEST_ACK, CREATE = 0x5, 0x400


@pytest.mark.parametrize(("address", "key"), [("10.0.0.1", FOUR), ("fd00::1", SIX)])
def test_key_is_interface_and_address(address: str, key: bytes) -> None:
    assert nftables.interface_and_address("oci1", address) == key
    assert nftables.split_interface_and_address(key) == ("oci1", address)


def test_longest_interface_name_fills_its_part() -> None:
    """A name has at most 15 bytes: the sixteenth is NUL."""
    name = "oci0123456789ab"
    key = nftables.interface_and_address(name, "10.0.0.1")
    assert len(key) == 20
    assert nftables.split_interface_and_address(key) == (name, "10.0.0.1")


@pytest.mark.parametrize("key", [b"", b"oci1", FOUR[:-1], FOUR + b"\0", SIX + b"\0"])
def test_key_of_another_length_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="invalid length of packed IP address"):
        nftables.split_interface_and_address(key)


@pytest.mark.parametrize(
    ("change", "kind", "flags", "chain"),
    [
        (nftables.addition("vcnd", "via", FOUR, "via2"), 12, CREATE, "via2"),
        (nftables.addition("vcnd", "via", SIX, "class13"), 12, CREATE, "class13"),
        (nftables.deletion("vcnd", "via", FOUR), 14, 0, ""),
        (nftables.deletion("vcnd", "via", SIX), 14, 0, ""),
    ],
)
def test_transaction_changes_one_element(
    change: Message, kind: int, flags: int, chain: str
) -> None:
    steps = nftables.transaction([("change", change)])
    batch = Template(steps).fill(5)
    begin, middle, end = numbered(batch)
    edge = struct.pack(">BBH", 0, 0, 10)  # the batch's subsystem
    assert begin == (5, 0x10, 1, edge)
    assert end == (7, 0x11, 1, edge)
    assert middle[:3] == (6, 10 << 8 | kind, REQUEST_ACK | flags)
    read = nft_set_elem_list_msg(batch[20:-20])
    read.decode()
    assert read["nfgen_family"] == 1  # inet
    assert read.get_attr("NFTA_SET_ELEM_LIST_TABLE") == "vcnd"
    assert read.get_attr("NFTA_SET_ELEM_LIST_SET") == "via"
    (element,) = read.get_attr("NFTA_SET_ELEM_LIST_ELEMENTS")
    key = FOUR if FOUR in batch else SIX
    assert element.get_nested("NFTA_SET_ELEM_KEY", "NFTA_DATA_VALUE") == key
    verdict = element.get_nested("NFTA_SET_ELEM_DATA", "NFTA_DATA_VERDICT")
    if not chain:
        assert verdict is None
        return
    assert verdict.get_attr("NFTA_VERDICT_CODE") == "NFT_GOTO"
    assert verdict.get_attr("NFTA_VERDICT_CHAIN") == chain


def listed(*elements: bytes) -> bytes:
    """Return the body of a NEWSETELEM as in the kernel's dump."""
    names = attribute(1, b"vcnd\0") + attribute(2, b"via\0")
    return b"\x01\0\0\0" + names + nested(3, *elements)


def element(key: bytes) -> bytes:
    value = nested(1, attribute(1, key))
    flags = attribute(3, struct.pack(">I", 0))
    return nested(1, value, flags)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (listed(), []),
        (listed(element(FOUR)), [FOUR]),
        (listed(element(FOUR), element(SIX)), [FOUR, SIX]),
        (b"\x01\0\0\0", []),
        (b"", []),
        (listed(nested(1)), [b""]),
    ],
)
def test_keys_of_a_dump(body: bytes, expected: list[bytes]) -> None:
    assert nftables._keys(body) == expected


def test_added_key_is_listed() -> None:
    """A dump's list has the form of an addition."""
    _, _, body = nftables.addition("vcnd", "via", SIX, "via2")
    assert nftables._keys(body) == [SIX]


def named_object(table: str, name: str, kind: int, data: bytes) -> bytes:
    number = attribute(3, struct.pack(">I", kind))
    names = attribute(1, table.encode() + b"\0"), attribute(2, name.encode() + b"\0")
    return b"\x01\0\0\0" + b"".join((*names, number, nested(4, data)))


class Listed:
    """Answers a dump as the kernel does: with the objects of all tables."""

    def dump(self, step: str, kind: int, body: bytes) -> Iterator[tuple[int, bytes]]:
        packets = attribute(1, bytes(7) + b"\x60") + attribute(2, bytes(6) + b"\1\2")
        yield 0, named_object("vcnd", "seen", 1, packets)
        yield 0, named_object("vcnd", "few", 4, b"")
        yield 0, named_object("other", "theirs", 1, packets)


def test_counters_and_limits_are_those_of_one_table() -> None:
    sock = cast(NetlinkSocket, Listed())
    assert nftables.counters(sock, "vcnd") == {"seen": 0x102}
    assert nftables.limits(sock, "vcnd") == {"few"}
