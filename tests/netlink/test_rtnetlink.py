"""The bytes of our rtnetlink requests, as pyroute2's parser reads them."""

import socket
from typing import Any

import pytest
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from vcnd.netlink import rtnetlink as rtnl
from vcnd.netlink.messages import Message, message

REPLACE, EXCL, CREATE = 0x100, 0x200, 0x400
KINDS = {16: ifinfmsg, 17: ifinfmsg, 19: ifinfmsg, 20: ifaddrmsg, 24: rtmsg}
KINDS |= {25: rtmsg, 28: ndmsg}
HOST = rtnl.LinkEnd(name="oci1", mac="0e:00:00:00:00:01", mtu=9000)
POD = rtnl.LinkEnd(name="eth0", mac="0a:00:00:00:00:02", mtu=8900)


def parsed(request: Message) -> dict[str, Any]:
    """Return header, fields and attributes as pyroute2 reads them."""
    data = message(*request, 7)
    found = KINDS[request[0]](data)
    found.decode()
    assert found["header"]["length"] == len(data)
    return plain(found)


def plain(found: Any) -> dict[str, Any]:
    """Return a message without padding and without fields that pyroute2 derives."""
    derived = {"attrs", "header", "__align", "__pad", "state"}
    if isinstance(found, ndmsg):
        derived.remove("state")
    fields = {k: v for k, v in found.items() if k not in derived}
    for name, value, *_ in found["attrs"]:
        fields[name] = plain(value) if hasattr(value, "items") else value
    return fields


LINK = {"family": 0, "ifi_type": 0, "index": 0, "flags": 0, "change": 0}


def end_of(end: rtnl.LinkEnd) -> dict[str, Any]:
    return {
        "IFLA_IFNAME": end.name,
        "IFLA_ADDRESS": end.mac,
        "IFLA_MTU": end.mtu,
        "IFLA_NUM_TX_QUEUES": 1,
        "IFLA_NUM_RX_QUEUES": 1,
    }


PEER = {**LINK, **end_of(POD), "IFLA_NET_NS_FD": 5}
VETH = {
    "IFLA_INFO_KIND": "veth",
    "IFLA_INFO_DATA": {"VETH_INFO_PEER": PEER},
}
UP = {"flags": 1, "change": 1}
FOUR, SIX = socket.AF_INET, socket.AF_INET6
ROUTE = {"src_len": 0, "tos": 0, "proto": 2, "type": 1, "flags": 0}
HOST_ROUTE = ROUTE | {"family": FOUR, "dst_len": 32, "scope": 253, "table": 254}


@pytest.mark.parametrize(
    ("request_", "kind", "flags", "expected"),
    [
        (
            rtnl.new_veth(HOST, POD, 5),
            16,
            CREATE | EXCL,
            {**LINK, **end_of(HOST), "IFLA_LINKINFO": VETH},
        ),
        (rtnl.link_up(7), 19, 0, {**LINK, **UP, "index": 7}),
        (
            rtnl.link_up(7, 8900),
            19,
            0,
            {**LINK, **UP, "index": 7, "IFLA_MTU": 8900},
        ),
        (
            rtnl.link_into_group("oci1", 0x6F636901, down=True),
            19,
            0,
            {**LINK, "change": 1, "IFLA_IFNAME": "oci1", "IFLA_GROUP": 0x6F636901},
        ),
        (
            rtnl.link_into_group("oci1", 7),
            19,
            0,
            {**LINK, "IFLA_IFNAME": "oci1", "IFLA_GROUP": 7},
        ),
        (rtnl.delete_link(7), 17, 0, {**LINK, "index": 7}),
        (rtnl.delete_group(9), 17, 0, {**LINK, "IFLA_GROUP": 9}),
        (
            rtnl.new_address(4, "10.0.0.1"),
            20,
            CREATE | REPLACE,
            {
                "family": FOUR,
                "prefixlen": 32,
                "flags": 0,
                "scope": 0,
                "index": 4,
                "IFA_LOCAL": "10.0.0.1",
                "IFA_ADDRESS": "10.0.0.1",
            },
        ),
        (
            rtnl.new_address(4, "fe80::2", 64),
            20,
            CREATE | REPLACE,
            {
                "family": SIX,
                "prefixlen": 64,
                "flags": 2,
                "scope": 0,
                "index": 4,
                "IFA_LOCAL": "fe80::2",
                "IFA_ADDRESS": "fe80::2",
            },
        ),
        (
            rtnl.new_address(4, "fd00::1"),
            20,
            CREATE | REPLACE,
            {
                # IFA_F_NODAD: otherwise the address would be tentative for a second.
                "family": SIX,
                "prefixlen": 128,
                "flags": 2,
                "scope": 0,
                "index": 4,
                "IFA_LOCAL": "fd00::1",
                "IFA_ADDRESS": "fd00::1",
            },
        ),
        (
            rtnl.new_neighbour(4, "169.254.1.1", HOST.mac),
            28,
            CREATE | REPLACE,
            {
                "family": FOUR,
                "ifindex": 4,
                "state": 0x80,
                "flags": 0,
                "ndm_type": 0,
                "NDA_DST": "169.254.1.1",
                "NDA_LLADDR": HOST.mac,
            },
        ),
        (
            rtnl.new_neighbour(4, "fe80::1", HOST.mac),
            28,
            CREATE | REPLACE,
            {
                "family": SIX,
                "ifindex": 4,
                "state": 0x80,
                "flags": 0,
                "ndm_type": 0,
                "NDA_DST": "fe80::1",
                "NDA_LLADDR": HOST.mac,
            },
        ),
        (
            rtnl.new_route("10.0.0.1", index=4),
            24,
            CREATE | REPLACE,
            {**HOST_ROUTE, "RTA_DST": "10.0.0.1", "RTA_OIF": 4, "RTA_TABLE": 254},
        ),
        (
            rtnl.new_route("10.0.0.1", index=4, table=100),
            24,
            CREATE | REPLACE,
            {
                **HOST_ROUTE,
                "table": 100,
                "RTA_DST": "10.0.0.1",
                "RTA_OIF": 4,
                "RTA_TABLE": 100,
            },
        ),
        (
            rtnl.new_route("", index=4, gateway="10.0.0.1", table=100, onlink=True),
            24,
            CREATE | REPLACE,
            {
                **HOST_ROUTE,
                "dst_len": 0,
                "scope": 0,
                "flags": 4,
                "table": 100,
                "RTA_OIF": 4,
                "RTA_GATEWAY": "10.0.0.1",
                "RTA_TABLE": 100,
            },
        ),
        (
            rtnl.new_route("", index=4, gateway="169.254.1.1", replace=False),
            24,
            CREATE | EXCL,
            {
                **HOST_ROUTE,
                "dst_len": 0,
                "scope": 0,
                "RTA_OIF": 4,
                "RTA_GATEWAY": "169.254.1.1",
                "RTA_TABLE": 254,
            },
        ),
        (
            rtnl.new_route(
                "fd00::9",
                index=4,
                gateway="fe80::1",
                source="fd00::1",
                metric=2052,
                table=1000,
            ),
            24,
            CREATE | REPLACE,
            {
                **HOST_ROUTE,
                # A table above 255 does not fit into the old field: RT_TABLE_COMPAT.
                "family": SIX,
                "dst_len": 128,
                "scope": 0,
                "table": 252,
                "RTA_DST": "fd00::9",
                "RTA_OIF": 4,
                "RTA_GATEWAY": "fe80::1",
                "RTA_PREFSRC": "fd00::1",
                "RTA_PRIORITY": 2052,
                "RTA_TABLE": 1000,
            },
        ),
        (
            rtnl.delete_route("fd00::9", table=1000),
            25,
            0,
            {
                **HOST_ROUTE,
                "family": SIX,
                "dst_len": 128,
                "scope": 255,
                "table": 252,
                "RTA_DST": "fd00::9",
                "RTA_TABLE": 1000,
            },
        ),
    ],
)
def test_pyroute2_reads_our_requests(
    request_: Message, kind: int, flags: int, expected: dict[str, Any]
) -> None:
    assert request_[:2] == (kind, flags)
    assert parsed(request_) == expected


@pytest.mark.parametrize("alias", ["", "vcnd a/b/eth0 n/p/u"])
def test_device_settings_are_nested_by_family(alias: str) -> None:
    """pyroute2 cannot parse the settings: the bytes follow linux/if_link.h."""
    kind, flags, body = rtnl.device_settings(4, {1: 1, 24: 2}, alias)
    assert (kind, flags) == (19, 0)
    read = parsed((kind, flags, body))
    assert read.pop("IFLA_AF_SPEC") == {
        "AF_INET": bytes.fromhex(
            "1800"
            "0280"  # AF_INET, nested, 24 bytes
            "1400"
            "0180"  # IFLA_INET_CONF, nested, 20 bytes
            "0800"
            "0100"
            "01000000"  # IPV4_DEVCONF_FORWARDING = 1
            "0800"
            "1800"
            "02000000"  # IPV4_DEVCONF_SRC_VMARK = 2
        )
    }
    assert read == {**LINK, "index": 4, **({"IFLA_IFALIAS": alias} if alias else {})}


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        (lambda: rtnl.ip_bytes("10.0.0"), OSError),
        (lambda: rtnl.ip_bytes("10.0.0.256"), OSError),
        (lambda: rtnl.ip_bytes("fd00:::1"), OSError),
        (lambda: rtnl.ip_bytes(""), OSError),
        (lambda: rtnl.mac_bytes("0e:00:00:00:00:0g"), ValueError),
    ],
)
def test_malformed_addresses_are_refused(refused: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        refused()
