"""Netlink and namespaces: refusals of the kernel, in the test's own namespace."""

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from fakeoci.fabric import netns
from vcnd.linux.pod_messages import add_elements, delete_elements
from vcnd.netlink import conntrack, nftables
from vcnd.netlink.messages import NetlinkError, NetlinkSocket
from vcnd.netlink.netns import EXIT_NAMESPACE_LOST, Home, cookie_here

TABLE = """
add table inet t
add chain inet t c
add chain inet t d
add map inet t m { type ifname . ipv4_addr : verdict; }
"""


@pytest.fixture
def namespace() -> Iterator[int]:
    netns.add("netlink")
    netns.nft("netlink", TABLE)
    descriptor = os.open(netns.DIRECTORY / "netlink", os.O_RDONLY)
    yield descriptor
    os.close(descriptor)
    netns.remove("netlink")


def test_refused_batches_leave_no_answer_behind(namespace: int) -> None:
    """What is added next exists, and of two that are deleted one may be missing."""
    key = nftables.interface_and_address("oci1", "10.1.0.5")
    gone = nftables.interface_and_address("oci3", "10.1.0.7")
    other = nftables.interface_and_address("oci2", "10.1.0.6")
    with Home().inside(namespace), NetlinkSocket(nftables.NETLINK_NETFILTER) as sock:
        for _ in range(3):
            add_elements(sock, "t", [("m", "c", key)])
            for table, name, chain in (
                ("t", "m", "d"),  # the key exists with another chain
                ("t", "m", "nowhere"),
                ("t", "nothing", "c"),
                ("nothing", "m", "c"),
            ):
                with pytest.raises(NetlinkError, match=f"nft map {name}"):
                    add_elements(sock, table, [(name, chain, key)])
            add_elements(sock, "t", [("m", "d", other)])
            delete_elements(sock, "t", [("m", "", other), ("m", "", gone)])
            delete_elements(sock, "t", [("m", "", other)])
    assert netns.nft_output("netlink", "list map inet t m").count("oci1") == 1


def test_connections_of_an_address_are_forgotten(namespace: int) -> None:
    netns.ip("netlink", ["link set lo up"])
    netns.nft(
        "netlink",
        """
add chain inet t track { type filter hook output priority 0; }
add rule inet t track ct state new accept
""",
    )
    with Home().inside(namespace):
        for address in ("127.0.0.2", "127.0.0.3"):
            for port in range(300):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                    sock.sendto(b"x", (address, 1000 + port))
        assert conntrack.forget({"127.0.0.2", "10.9.9.9", "fd00::9"}) == 300
        assert conntrack.forget({"127.0.0.2"}) == 0
        assert conntrack.forget({"127.0.0.3"}) == 300


def test_bits_of_marks_are_cleared_and_connections_stay(namespace: int) -> None:
    netns.nft(
        "netlink",
        """
add chain inet t track { type filter hook output priority 0; }
add rule inet t track ct mark set udp dport map { 7 : 0x010203, 8 : 0x010303 }
""",
    )
    with Home().inside(namespace):
        socks = []
        for address in ("127.0.0.1", "::1"):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            for port in (7, 8):
                sock = socket.socket(family, socket.SOCK_DGRAM)
                sock.connect((address, port))
                sock.send(b"x")
                socks.append(sock)
        cleared = conntrack.clear_marks({0xFF00: {0x0200}, 0xFF0000: {0x020000}})
        assert cleared == 2
        assert conntrack.clear_marks({0xFF00: {0x0200}}) == 0
        assert conntrack.clear_marks({0xFF: {0x03}, 0xFF0000: {0x010000}}) == 4
        for sock in socks:
            sock.close()
        assert conntrack.forget({"127.0.0.1", "::1"}) == 4


@pytest.mark.parametrize("chosen", [True, False])
def test_marks_of_addresses_are_cleared_alone(
    namespace: int, monkeypatch: pytest.MonkeyPatch, *, chosen: bool
) -> None:
    """The kernel chooses the entries, or all are listed."""
    netns.nft(
        "netlink",
        """
add chain inet t track { type filter hook output priority 0; }
add rule inet t track ct mark set 0x010203
""",
    )
    addresses = [f"127.0.0.{n}" for n in range(2, 9)]
    with Home().inside(namespace), ExitStack() as socks:
        for address in (*addresses, "::1"):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            sock = socks.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            sock.connect((address, 7))
            sock.send(b"x")
        assert conntrack.entries() == 8
        if chosen:
            monkeypatch.setattr(conntrack, "MOST_LISTED", 0)
        assert conntrack.clear_marks_of({"127.0.0.2", "::1"}, 0xFFFF00) == 2
        assert conntrack.clear_marks_of({"127.0.0.2", "::1"}, 0xFFFF00) == 0
        assert conntrack.clear_marks_of({*addresses, "10.9.9.9"}, 0xFFFF00) == 6
        assert conntrack.clear_marks({0xFF: {0x03}}) == 8
        with NetlinkSocket(nftables.NETLINK_NETFILTER) as asking:
            ends = conntrack.TUPLE_REPLY, conntrack.FILTER_REPLY
            wanted = conntrack.of_source(socket.inet_aton("127.0.0.3"), *ends)
            asked = struct.pack(">BBH", socket.AF_INET, 0, 0) + wanted
            assert len([*asking.dump("list", conntrack.CT_GET, asked)]) == 1


LOSE_THE_WAY = """
import os, sys
from vcnd.netlink.netns import Home
with Home().inside(int(sys.argv[1])):
    os.closerange(3, int(sys.argv[1]))
print("went on")
"""


def test_a_link_tells_its_index_and_mtu(namespace: int) -> None:
    netns.ip("netlink", ["link set lo mtu 1300"])
    with Home().inside(namespace), NetlinkSocket(socket.NETLINK_ROUTE) as route:
        assert (route.index_of("lo"), route.mtu_of("lo")) == (1, 1300)
        with pytest.raises(OSError, match="No such device"):
            route.mtu_of("gone")


def test_process_that_cannot_get_back_ends(namespace: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOSE_THE_WAY, str(namespace)],
        pass_fds=[namespace],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == EXIT_NAMESPACE_LOST, done.stderr
    assert "namespace_return_failed" in done.stdout + done.stderr
    assert "went on" not in done.stdout


def test_namespaces_are_left_after_a_failure(namespace: int) -> None:
    home = cookie_here()

    def fail() -> None:
        with Home().inside(namespace):
            assert cookie_here() != home
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert cookie_here() == home
    assert Home().cookie_of(namespace) != home
