"""The rule set's text, and the socket filter's program."""

import socket
import struct

import pytest
from msgspec.structs import replace

from tests.linux.odd_names import ODD_NAMES
from vcnd.linux.layout import Layout
from vcnd.linux.pod_names import host_ifname, macs
from vcnd.linux.ruleset import PodElement, render
from vcnd.linux.vnic_link import VnicLink
from vcnd.model.sandbox import SandboxKey
from vcnd.netlink import event_filter
from vcnd.netlink.rtnetlink import (
    RTM_DELADDR,
    RTM_DELROUTE,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWROUTE,
)

VNICS = [
    VnicLink(index=1, ifname="ens3", link_index=2),
    VnicLink(index=2, ifname="ens5", link_index=3),
]
MORE = [VnicLink(index=n, ifname=f"e{n}", link_index=n + 1) for n in range(3, 7)]


def rules(text: str) -> int:
    return sum(line.startswith("    ") for line in text.splitlines())


def test_the_number_of_rules_knows_no_pods() -> None:
    none = render(Layout(), VNICS, [], marker="m")
    pods = [
        PodElement(ifname=f"oci{n}", address=f"10.1.0.{n}", index=2) for n in range(110)
    ]
    many = render(Layout(), VNICS, pods, marker="m")
    assert rules(none) == rules(many)
    assert '"oci7" . 10.1.0.7 : goto via2' in many


def test_few_links_have_a_test_each_and_pod_vnics_come_first() -> None:
    text = render(Layout(), VNICS, [], marker="m")
    assert text.index("iif 3 goto from2") < text.index("iif 2 goto from1")
    assert "iif vmap" not in text


def test_one_map_holds_many_links() -> None:
    text = render(Layout(), [*VNICS, *MORE], [], marker="m")
    assert "iif vmap @from" in text
    (ways,) = [line for line in text.splitlines() if "  map from " in line]
    assert "3 : goto from2" in ways
    assert "7 : goto from6" in ways
    assert "iif 3 goto" not in text


def test_own_answers_take_no_detour_where_there_is_one_pod_vnic() -> None:
    skips = "ct mark & 0xff != 0x2 jump answer"
    assert skips in render(Layout(), VNICS, [], marker="m")
    assert skips not in render(Layout(), [*VNICS, *MORE], [], marker="m")


def test_only_nodes_with_ipv6_mark_packets_twice() -> None:
    assert "decide" not in render(Layout(), VNICS, [], marker="m")
    six = [VNICS[0], replace(VNICS[1], ipv6=True)]
    text = render(Layout(), six, [], marker="m")
    assert "iif 3 goto decide2" in text
    assert "meta nfproto ipv6 goto via2" in text


def test_strangers_are_no_pods() -> None:
    text = render(Layout(), VNICS, [], marker="m", strangers=["ocibr0"])
    lines = [line.strip() for line in text.splitlines()]
    after = lines.index('iifname { "ocibr0" } goto others')
    assert after < lines.index("jump check_source")
    assert 'iifname "oci*" iifname != { "ocibr0" } masquerade' in text


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_stranger_with_an_odd_name_is_closed_like_a_pod(name: str) -> None:
    closed = render(Layout(), VNICS, [], marker="m")
    assert render(Layout(), VNICS, [], marker="m", strangers=[name]) == closed
    both = render(Layout(), VNICS, [], marker="m", strangers=[name, "ocibr0"])
    assert both == render(Layout(), VNICS, [], marker="m", strangers=["ocibr0"])


def test_marks_keep_the_bits_of_others() -> None:
    text = render(Layout(mark_mask=0xF0000), VNICS, [], marker="m")
    assert "meta mark set meta mark & 0xfff0ffff | 0x20000" in text


def test_without_vnics_there_is_still_a_table() -> None:
    text = render(Layout(), [], [], marker="m")
    assert "chain m { }" in text
    assert "goto via" not in text


def test_each_sandbox_has_its_own_link_name() -> None:
    layout = Layout()
    keys = [
        SandboxKey("vcnd", f"same-beginning-of-the-id-{n}", "eth0") for n in range(200)
    ]
    keys += [SandboxKey("other", k.container_id, "eth0") for k in keys]
    names = {host_ifname(layout, k) for k in keys}
    assert len(names) == len(keys)
    assert all(len(n) == 14 and n.startswith("oci") for n in names)


def test_macs_are_local_unicast_and_stable() -> None:
    host, pod = macs("oci1")
    assert (host, pod) == macs("oci1")
    for mac in (host, pod):
        first = int(mac[:2], 16)
        assert first & 0b11 == 0b10


def event(kind: int, name: str = "", *, change: int = 0, flags: int = 0) -> bytes:
    text = name.encode() + b"\0"
    attribute = struct.pack("=HH", 4 + len(text), 3) + text + b"\0" * (-len(text) % 4)
    head = struct.pack("=BBHiII", 0, 0, 0, 0, flags, change)
    body = head + (attribute if name else b"")
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def route(prefix_length: int) -> bytes:
    body = bytes([socket.AF_INET, prefix_length]) + b"\0" * 10
    return struct.pack("=IHHII", 16 + len(body), RTM_NEWROUTE, 0, 0, 0) + body


@pytest.mark.parametrize(
    ("data", "passes"),
    [
        (event(RTM_NEWLINK, "oci0123"), False),
        # Taken down by hand; a new link's event has all bits of the change.
        (event(RTM_NEWLINK, "oci0123", change=1), True),
        (event(RTM_NEWLINK, "oci0123", change=1, flags=1), False),
        (event(RTM_NEWLINK, "oci0123", change=0xFFFFFFFF), False),
        (event(RTM_NEWLINK, "oci0123", change=0x41), False),
        (event(RTM_NEWLINK, "ens5"), True),
        (event(RTM_NEWLINK), True),
        (event(RTM_DELADDR), True),
        (event(RTM_DELROUTE, "oci0123"), True),
        (event(RTM_NEWADDR), False),
        (route(32), False),
        (route(0), True),
    ],
)
def test_filter_by_a_real_socket(data: bytes, passes: bool) -> None:
    """The kernel runs the program on any socket; a datagram stands for the event."""
    others = RTM_DELADDR, RTM_DELROUTE
    code = event_filter.program(RTM_NEWLINK, RTM_NEWROUTE, others, "oci")
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, two:
        event_filter.attach(two, code)
        one.send(data)
        two.settimeout(0.0)
        try:
            assert two.recv(4096) == data
            assert passes
        except BlockingIOError:
            assert not passes


@pytest.mark.parametrize(("settings", "passes"), [(1, True), (6, False)])
def test_filter_drops_all_settings_of_a_new_link(settings: int, passes: bool) -> None:
    """One changed setting is news; all settings of a new link are not."""
    attributes = b"".join(struct.pack("=HHi", 8, n + 1, 0) for n in range(settings + 1))
    body = b"\2\0\0\0" + attributes
    data = struct.pack("=IHHII", 16 + len(body), 80, 0, 0, 0) + body
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, two:
        event_filter.attach(two, event_filter.short_messages())
        one.send(data)
        two.settimeout(0.0)
        try:
            assert two.recv(4096) == data
            assert passes
        except BlockingIOError:
            assert not passes
