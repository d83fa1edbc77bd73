"""Dumps of links, addresses and routes, in the bytes that pyroute2 makes of them."""

import socket
from collections.abc import Callable
from typing import Any

import pytest
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from vcnd.netlink import listed
from vcnd.netlink.listed import Link, Route
from vcnd.netlink.messages import NetlinkError, nested, text
from vcnd.netlink.routing_rules import read_rule
from vcnd.netlink.traffic_control import filter_name, is_others_filter, queue

FOUR, SIX = socket.AF_INET, socket.AF_INET6


def body(kind: Any, attributes: list[tuple[str, Any]], **fields: Any) -> bytes:
    made = kind()
    for name, value in fields.items():
        made[name] = value
    made["attrs"] = attributes
    made.encode()
    return bytes(made.data[16:])


BARE: dict[str, Any] = {
    "index": 7,
    "name": "",
    "mac": "",
    "mtu": 0,
    "up": False,
    "group": 0,
}
WHOLE: list[tuple[str, Any]] = [
    ("IFLA_IFNAME", "ociabc"),
    ("IFLA_ADDRESS", "0e:00:00:00:AB:01"),
    ("IFLA_MTU", 9000),
    ("IFLA_GROUP", 0x6F636901),
    ("IFLA_LINK", 3),
    ("IFLA_IFALIAS", "vcnd a/b/eth0 n/p/u"),
]


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (body(ifinfmsg, [], index=7), Link(**BARE)),
        (
            body(ifinfmsg, WHOLE, index=7, flags=0x1043),
            Link(
                index=7,
                name="ociabc",
                mac="0e:00:00:00:ab:01",
                mtu=9000,
                up=True,
                group=0x6F636901,
                peer_index=3,
                alias="vcnd a/b/eth0 n/p/u",
            ),
        ),
        (
            # Down; with flags that are not IFF_UP.
            body(ifinfmsg, [("IFLA_IFNAME", "vlan1")], index=8, flags=0x1002)
            + nested(18, text(1, "vlan")),
            Link(**BARE | {"index": 8, "name": "vlan1"}, kind="vlan"),
        ),
    ],
)
def test_links_are_read(read: bytes, expected: Link) -> None:
    assert listed.read_link(read) == expected


@pytest.mark.parametrize(
    ("family", "kinds"),
    [
        (FOUR, {"IFA_ADDRESS": "10.0.16.7", "IFA_LOCAL": "10.0.16.7"}),
        # With the address of the other end.
        (FOUR, {"IFA_ADDRESS": "10.0.16.8", "IFA_LOCAL": "10.0.16.7"}),
        (SIX, {"IFA_ADDRESS": "fd00:16::7"}),
    ],
)
def test_addresses_are_read(family: int, kinds: dict[str, str]) -> None:
    read = body(ifaddrmsg, list(kinds.items()), family=family, index=4, prefixlen=24)
    expected = "10.0.16.7" if family == FOUR else "fd00:16::7"
    assert listed.read_address(read) == (4, expected)


ROUTE: dict[str, Any] = {"table": 254, "length": 0, "destination": "", "link_index": 4}
ROUTE |= {"gateway": "", "protocol": 2, "cloned": False}


@pytest.mark.parametrize(
    ("attributes", "fields", "expected"),
    [
        ({"RTA_OIF": 4}, {"table": 254}, Route(**ROUTE)),
        (
            # A table above 255 is in the attribute only.
            {"RTA_TABLE": 1002, "RTA_OIF": 4, "RTA_GATEWAY": "10.0.16.1"},
            {"table": 252, "proto": 16},
            Route(**ROUTE | {"table": 1002, "gateway": "10.0.16.1", "protocol": 16}),
        ),
        (
            {"RTA_TABLE": 100, "RTA_DST": "10.0.16.7", "RTA_OIF": 9},
            {"table": 100, "dst_len": 32, "flags": 0x200},
            Route(
                table=100,
                length=32,
                destination="10.0.16.7",
                link_index=9,
                gateway="",
                protocol=2,
                cloned=True,
            ),
        ),
        (
            {"RTA_TABLE": 254, "RTA_GATEWAY": "fe80::1", "RTA_OIF": 4},
            {"table": 254, "family": SIX},
            Route(**ROUTE | {"gateway": "fe80::1"}),
        ),
        # Several next hops: neither link nor gateway is the route's own.
        ({"RTA_TABLE": 254}, {"table": 254}, Route(**ROUTE | {"link_index": 0})),
    ],
)
def test_routes_are_read(
    attributes: dict[str, Any], fields: dict[str, Any], expected: Route
) -> None:
    fields = {"family": FOUR, "proto": 2, **fields}
    read = body(rtmsg, list(attributes.items()), **fields)
    assert listed.read_route(read) == expected


@pytest.mark.parametrize(
    ("request_", "kind", "size"),
    [
        (listed.LINKS, 18, 16 + 8),
        (listed.ADDRESSES, 22, 8),
        (listed.routes(SIX), 26, 12),
        (listed.named("eth0"), 18, 16 + 8 + 12),
    ],
)
def test_request_has_the_header_of_its_kind(
    request_: tuple[int, bytes], kind: int, size: int
) -> None:
    assert request_[0] == kind
    assert len(request_[1]) == size


@pytest.mark.parametrize(
    ("family", "value", "expected"),
    [
        (FOUR, b"\x0a\0\0\x01", "10.0.0.1"),
        (SIX, bytes(15) + b"\x01", "::1"),
        (FOUR, b"", ""),
        (FOUR, bytes(16), ""),
        (7, bytes(4), ""),
    ],
)
def test_address_of_another_length_is_none(
    family: int, value: bytes, expected: str
) -> None:
    assert listed.address(family, value) == expected


@pytest.mark.parametrize(
    "read",
    [
        *(listed.read_link, listed.read_address, listed.read_route),
        *(read_rule, filter_name, is_others_filter, queue),
    ],
)
def test_message_that_is_cut_is_named(read: Callable[[bytes], object]) -> None:
    for size in range(8):
        with pytest.raises(NetlinkError, match=f"ends after {size} bytes"):
            read(bytes(size))
