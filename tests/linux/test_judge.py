"""Events that are news, losses, or neither."""

import socket
import struct

import pytest

from vcnd.linux.judge import Event, Heard, Judge, Wanted, changes_rules
from vcnd.linux.layout import Layout
from vcnd.model.drift import Author
from vcnd.netlink.messages import attribute, message, nested, text, u32

NOTHING, NEWS, LOSS = Event.NOTHING, Event.NEWS, Event.LOSS
MAC, OTHER_MAC = "02:00:17:00:00:01", "02:00:17:00:00:99"
WANTED = Wanted(
    macs=frozenset({MAC}),
    addresses=frozenset({"10.1.0.9", "fd00::9"}),
    pods=frozenset({"10.1.0.5", "fd00::5"}),
    tables=frozenset({102}),
    rules=frozenset({(1010, 102, 2), (1030, 0, 0)}),
    links=frozenset({"oci5"}),
)
PODS_TABLE = Layout().pods_table
BOOT, KERNEL, STATIC = 3, 2, 4
"""RTPROT_BOOT, RTPROT_KERNEL (which vcnd uses), RTPROT_STATIC."""


def family(address: str) -> bytes:
    return bytes((socket.AF_INET6 if ":" in address else socket.AF_INET,))


def ip(address: str) -> bytes:
    return socket.inet_pton(family(address)[0], address)


def link(mac: str, *, up: bool, index: int = 4) -> bytes:
    """RTM_NEWLINK: struct ifinfomsg, IFLA_ADDRESS."""
    head = struct.pack("=BBHiII", 0, 0, 1, index, int(up), 0)
    return message(16, 0, head + attribute(1, bytes.fromhex(mac.replace(":", ""))))


def gone_address(address: str, kind: int) -> bytes:
    """RTM_DELADDR: struct ifaddrmsg; kind is IFA_ADDRESS 1 or IFA_LOCAL 2."""
    return message(21, 0, family(address) + bytes(7) + attribute(kind, ip(address)))


def route(kind: int, table: int, *, to: str = "", protocol: int = KERNEL) -> bytes:
    """RTM_NEWROUTE 24 or RTM_DELROUTE 25: struct rtmsg, RTA_DST, RTA_TABLE."""
    head = family(to) + struct.pack("=7BI", 0, 0, 0, 0, protocol, 0, 1, 0)
    destination = attribute(1, ip(to)) if to else b""
    return message(kind, 0, head + destination + u32(15, table))


def gone_rule(priority: int, table: int, mark: int) -> bytes:
    """RTM_DELRULE: struct fib_rule_hdr, FRA_PRIORITY, FRA_TABLE, FRA_FWMARK."""
    head = struct.pack("=8BI", 2, 0, 0, 0, 0, 0, 0, 1 if table else 7, 0)
    parts = [(6, priority), (15, table), (10, mark)]
    return message(33, 0, head + b"".join(u32(k, v) for k, v in parts if v))


@pytest.mark.parametrize(
    ("data", "meaning"),
    [
        (b"", NOTHING),
        (gone_address("10.1.0.9", 2), LOSS),
        (gone_address("fd00::9", 1), LOSS),
        (gone_address("10.1.0.10", 2), NOTHING),
        (message(21, 0, bytes(8)), NOTHING),
        (route(25, PODS_TABLE, to="10.1.0.5"), LOSS),
        (route(25, PODS_TABLE, to="fd00::5"), LOSS),
        (route(25, PODS_TABLE, to="10.1.0.6"), NOTHING),
        (route(25, 254, to="10.1.0.5"), NOTHING),
        (route(25, 102), LOSS),
        (route(25, 102, to="10.8.0.0"), LOSS),
        (route(25, 103), NOTHING),
        (route(24, 254, protocol=BOOT), NEWS),
        (route(24, 254, protocol=STATIC), NEWS),
        (route(24, 254, protocol=KERNEL), NOTHING),
        (route(24, 102, protocol=BOOT), NOTHING),
        (gone_rule(1010, 102, 2), LOSS),
        (gone_rule(1030, 0, 0), LOSS),
        (gone_rule(1010, 102, 3), NOTHING),
        (gone_rule(1010, 103, 2), NOTHING),
        (gone_rule(1011, 102, 2), NOTHING),
        (message(20, 0, bytes(8) + attribute(2, ip("10.1.0.9"))), NOTHING),
        # The most severe of several events counts.
        (route(24, 254, protocol=BOOT) + gone_address("10.1.0.9", 2), LOSS),
        (gone_address("10.1.0.9", 2) + route(24, 254, protocol=BOOT), LOSS),
        (route(24, 254, protocol=BOOT) + route(25, 103), NEWS),
    ],
)
def test_event_is_compared_with_the_desired_state(data: bytes, meaning: Event) -> None:
    assert Judge(Layout()).route_event(data, WANTED).event is meaning


@pytest.mark.parametrize(
    ("before", "now", "meaning"),
    [
        ([], link(MAC, up=False), NEWS),
        ([], link(MAC, up=True), NEWS),
        ([], link(OTHER_MAC, up=True), NOTHING),
        ([link(MAC, up=False)], link(MAC, up=False), NOTHING),
        ([link(MAC, up=False)], link(MAC, up=True), NEWS),
        ([link(MAC, up=True)], link(MAC, up=True), NOTHING),
        ([link(MAC, up=True)], link(MAC, up=False), LOSS),
        # The device returned with another index: addresses and routes are gone.
        ([link(MAC, up=True)], link(MAC, up=True, index=5), LOSS),
        ([link(MAC, up=True), link(MAC, up=False)], link(MAC, up=True), NEWS),
        ([link(OTHER_MAC, up=True)], link(MAC, up=False), NEWS),
    ],
)
def test_link_event_is_compared_with_the_one_before(
    before: list[bytes], now: bytes, meaning: Event
) -> None:
    judge = Judge(Layout())
    for event in before:
        judge.route_event(event, WANTED)
    assert judge.route_event(now, WANTED).event is meaning


@pytest.mark.parametrize(
    ("name", "up", "meaning"),
    [("oci5", False, LOSS), ("oci5", True, NOTHING), ("oci6", False, NOTHING)],
)
def test_link_of_a_plugged_pod_must_stay_up(
    name: str, *, up: bool, meaning: Event
) -> None:
    event = message(
        16, 0, struct.pack("=BBHiII", 0, 0, 1, 9, int(up), 1) + text(3, name)
    )
    assert Judge(Layout()).route_event(event, WANTED).event is meaning


def test_port_of_the_gravest_event_is_told() -> None:
    news = route(24, 254, protocol=BOOT)
    lost = bytearray(gone_address("10.1.0.9", 2))
    lost[12:16] = struct.pack("=I", 4321)
    heard = Judge(Layout()).route_event(news + bytes(lost) + news, WANTED)
    assert heard == Heard(LOSS, 4321)


def nft(kind: int, *parts: bytes, subsystem: int = 10) -> bytes:
    """Return a message of nf_tables: struct nfgenmsg, then attributes."""
    return message(subsystem << 8 | kind, 0, b"\x01\0\0\0" + b"".join(parts))


def element(kind: int, table: str, address: str) -> bytes:
    """Return a change of an element of a map whose key ends in an address."""
    key = nested(1, attribute(1, b"oci1".ljust(16, b"\0") + ip(address)))
    return nft(kind, text(1, table), text(2, "via"), nested(3, nested(1, key)))


NEWCHAIN, NEWSETELEM, DELSETELEM, NEWGEN = 3, 12, 14, 15
DELTABLE, DELCHAIN, NEWRULE, DELRULE, DELSET = 2, 5, 6, 8, 11
OURS = text(1, "vcnd")
END = nft(NEWGEN)
MARKED = nft(NEWCHAIN, OURS, text(3, "loaded1"))


@pytest.mark.parametrize("change", [DELTABLE, DELCHAIN, NEWRULE, DELRULE, DELSET])
def test_change_of_our_table_is_a_loss_and_has_an_author(change: int) -> None:
    judge = Judge(Layout())
    assert not judge.is_table_lost(nft(change, OURS), WANTED)  # only at the end
    by = attribute(2, struct.pack(">I", 4321)), text(3, "firewalld")
    assert judge.is_table_lost(nft(NEWGEN, attribute(1, bytes(4)), *by), WANTED)
    assert judge.author == Author(pid=4321, name="firewalld")
    assert not judge.is_table_lost(END, WANTED)


@pytest.mark.parametrize(
    ("data", "lost"),
    [
        (END, False),
        (nft(DELTABLE, OURS) + END, True),
        (nft(DELTABLE, text(1, "firewalld")) + END, False),
        (nft(DELTABLE, OURS, subsystem=1) + END, False),
        (nft(NEWCHAIN, OURS, text(3, "via2")) + END, False),
        (element(DELSETELEM, "vcnd", "10.1.0.5") + END, True),
        (element(DELSETELEM, "vcnd", "fd00::5") + END, True),
        (element(DELSETELEM, "vcnd", "10.1.0.6") + END, False),
        (element(DELSETELEM, "firewalld", "10.1.0.5") + END, False),
        (element(NEWSETELEM, "vcnd", "10.1.0.5") + END, False),
        (nft(DELSETELEM, OURS) + END, False),
        # Our own load deletes the table and creates it with the marker.
        (nft(DELTABLE, OURS) + MARKED + END, False),
        (MARKED + nft(DELTABLE, OURS) + END, False),
        (nft(DELTABLE, OURS) + nft(NEWCHAIN, OURS, text(3, "other")) + END, True),
        (nft(DELTABLE, OURS) + nft(NEWCHAIN, text(1, "x"), text(3, "loaded1")), False),
        # The marker of one transaction does not apply to the next.
        (nft(DELTABLE, OURS) + MARKED + END + nft(DELRULE, OURS) + END, True),
        (nft(DELRULE, OURS) + END + nft(DELTABLE, OURS) + MARKED + END, True),
    ],
)
def test_transaction_of_others_is_told_from_our_own(data: bytes, *, lost: bool) -> None:
    judge = Judge(Layout())
    judge.expect("loaded1")
    assert judge.is_table_lost(data, WANTED) is lost


def test_marker_belongs_to_our_table() -> None:
    judge = Judge(Layout())
    judge.expect("loaded1")
    foreign = nft(NEWCHAIN, text(1, "firewalld"), text(3, "loaded1"))
    assert judge.is_table_lost(nft(DELTABLE, OURS) + foreign + END, WANTED)


@pytest.mark.parametrize(
    ("data", "changed"),
    [
        (b"", False),
        (END, False),
        (element(NEWSETELEM, "vcnd", "10.1.0.5") + END, False),
        (element(DELSETELEM, "vcnd", "10.1.0.5") + END, False),
        (nft(NEWCHAIN, OURS, text(3, "via2")) + END, True),
        (nft(DELRULE, text(1, "firewalld")) + END, True),
        (nft(6, text(1, "filter")) + END, True),
        (element(NEWSETELEM, "policy", "10.1.0.5") + END, True),
        (element(NEWSETELEM, "vcnd", "10.1.0.5") + nft(6, text(1, "x")) + END, True),
        (nft(DELRULE, text(1, "x"), subsystem=1), False),
    ],
)
def test_pods_of_our_own_change_no_rules(data: bytes, *, changed: bool) -> None:
    assert changes_rules(data, "vcnd") is changed
