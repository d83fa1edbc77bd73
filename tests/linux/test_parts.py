"""Parts of the kernel's state: what is set is what is compared."""

import socket
import struct
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from vcnd.linux import pod_messages, vnic_messages
from vcnd.linux.layout import Layout
from vcnd.linux.parts import Part, Value, differences, values_of
from vcnd.model.drift import Drift, DriftKind
from vcnd.model.family import Family
from vcnd.model.ids import SubnetId, VnicId
from vcnd.model.vnic import Vnic, VnicSlot
from vcnd.netlink import rtnetlink as rtnl
from vcnd.netlink.messages import attribute, nested, text, u32
from vcnd.netlink.templates import Step

NAMES = {4: "ens5", 7: "oci7"}
SLOT = VnicSlot(
    index=2,
    vnic=Vnic(
        id=VnicId("v"),
        mac="02:00:17:00:00:01",
        address="10.1.0.9",
        subnet_id=SubnetId("subnet"),
        subnet_cidr="10.1.0.0/24",
        virtual_router="10.1.0.1",
        ipv6="fd00::9",
        ipv6_cidr="fd00::/64",
        ipv6_router="fe80::1",
    ),
)
SETTING = "net.ipv4.conf.oci7"


def set_by(steps: Sequence[Step]) -> dict[str, str]:
    """Return the parts that steps set, by kind and name."""
    found: dict[str, str] = {}
    for _, (kind, _, body) in steps:
        found |= {f"{p.kind} {p.what}": v for p, v in values_of(kind, body, NAMES)}
    return found


def test_parts_of_a_vnic() -> None:
    steps = vnic_messages.steps(Layout(), SLOT, 4, mtu=9000, settings={8: 0})
    assert set_by(steps) == {
        "link ens5": "up",
        "mtu ens5": "9000",
        "setting net.ipv4.conf.ens5.rp_filter": "0",
        "address 10.1.0.9 dev ens5": "there",
        "address fd00::9 dev ens5": "there",
        "address fe80::2 dev ens5": "there",
        "route 10.1.0.1 table 102": "dev ens5",
        "route default table 102": "dev ens5 via 10.1.0.1",
        "route default (IPv6) table 102": "dev ens5 via fe80::1",
    }


def test_routes_of_a_vnic_have_the_mtu_of_their_destinations() -> None:
    cidrs = ("10.0.0.0/8", "fd00::/56")
    slot = replace(SLOT, vnic=replace(SLOT.vnic, vcn_cidrs=cidrs))
    steps = vnic_messages.steps(Layout(), slot, 4, mtu=9000, settings={})
    found = set_by(steps)
    assert {name: v for name, v in found.items() if name.startswith("route")} == {
        "route 10.1.0.1 table 102": "dev ens5",
        "route default table 102": "dev ens5 via 10.1.0.1 mtu 1500",
        "route 10.0.0.0/8 table 102": "dev ens5 via 10.1.0.1",
        "route default (IPv6) table 102": "dev ens5 via fe80::1 mtu 1500",
        "route fd00::/56 table 102": "dev ens5 via fe80::1",
    }


def test_parts_of_a_pod() -> None:
    steps = pod_messages.restoring(
        table=100,
        index=7,
        alias="vcnd a/b/eth0",
        pod_mac="0a:00:00:00:00:01",
        addresses=("10.1.0.5", "fd00::5"),
        sources={Family.IPV4: "10.0.0.2"},
        mtu=0,
    )
    assert set_by(steps) == {
        "link oci7": "up",
        "alias oci7": "vcnd a/b/eth0",
        f"setting {SETTING}.forwarding": "1",
        f"setting {SETTING}.send_redirects": "0",
        f"setting {SETTING}.rp_filter": "0",
        f"setting {SETTING}.accept_local": "1",
        f"setting {SETTING}.arp_ignore": "8",
        "neighbour 10.1.0.5 dev oci7": "0a:00:00:00:00:01",
        "neighbour fd00::5 dev oci7": "0a:00:00:00:00:01",
        "route 10.1.0.5 table 100": "dev oci7 src 10.0.0.2",
        "route fd00::5 table 100": "dev oci7",
    }


def listed_link(*, up: bool, forwarding: int = 1) -> bytes:
    """Return a link as a dump has it: all its settings in a row."""
    head = struct.pack("=BBHiII", 0, 0, 1, 7, int(up), 0)
    row = struct.pack("=31i", forwarding, *(0,) * 30)
    spec = nested(socket.AF_INET, attribute(rtnl.IFLA_INET_CONF, row))
    parts = text(rtnl.IFLA_IFNAME, "oci7") + u32(rtnl.IFLA_MTU, 1500)
    return head + parts + nested(rtnl.IFLA_AF_SPEC, spec)


def test_settings_of_a_dump_are_read_by_their_place() -> None:
    found = set_by([("", (rtnl.RTM_NEWLINK, 0, listed_link(up=False, forwarding=3)))])
    assert found["link oci7"] == "down"
    assert found["mtu oci7"] == "1500"
    assert found[f"setting {SETTING}.forwarding"] == "3"
    assert found[f"setting {SETTING}.src_valid_mark"] == "0"


@pytest.mark.parametrize("state", [rtnl.NUD_PERMANENT, 0x02])
def test_only_permanent_neighbours_are_parts(state: int) -> None:
    head = struct.pack("=BBHiHBB", socket.AF_INET, 0, 0, 9, state, 0, 0)
    body = head + attribute(rtnl.NDA_DST, b"\x0a\x01\0\5")
    found = values_of(rtnl.RTM_NEWNEIGH, body, NAMES)
    assert [p.what for p, _ in found] == (
        ["10.1.0.5 dev #9"] if state == rtnl.NUD_PERMANENT else []
    )


def test_other_messages_have_no_parts() -> None:
    assert values_of(rtnl.RTM_GETLINK, b"", NAMES) == []


ROUTE, LINK = (
    Part(DriftKind.ROUTE, "10.1.0.5 table 100"),
    Part(DriftKind.LINK, "a", "a"),
)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({(ROUTE, "dev a"), (LINK, "up")}, []),
        ({(LINK, "up")}, [Drift(DriftKind.ROUTE, ROUTE.what, "dev a", "")]),
        (
            {(ROUTE, "dev b"), (LINK, "up")},
            [Drift(DriftKind.ROUTE, ROUTE.what, "dev a", "dev b")],
        ),
        # Another route of the same destination, with another metric, does no harm.
        ({(ROUTE, "dev b"), (ROUTE, "dev a"), (LINK, "up")}, []),
        (
            {(ROUTE, "dev a"), (LINK, "down")},
            [Drift(DriftKind.LINK, "a", "up", "down", "a")],
        ),
    ],
)
def test_a_wanted_part_without_its_value_differs(
    found: set[Value], expected: list[Drift]
) -> None:
    assert differences({ROUTE: "dev a", LINK: "up"}, found) == expected
