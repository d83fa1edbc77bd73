"""Packets that are no ordinary first packets open no closed pod."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count

import pytest
from msgspec.structs import replace

from fakeoci.fabric import netns
from integration.lab import streams
from integration.lab.policy import MARKS, NODE, PolicyNode, space
from integration.lab.streams import Datagrams
from integration.tests.policy import (
    DB,
    KNOWN,
    LINKS,
    UDP,
    WEB,
    app,
    cluster,
    policy,
    small_node,
)
from vcnd.core.policy.generations import NUMBERS
from vcnd.model.policy import (
    Action,
    Direction,
    Packet,
    Pods,
    Policy,
    PortRange,
    Rule,
    Tier,
)
from vcnd.netlink import conntrack

OUT, DB6, WEB6 = "192.0.2.7", "fd00::2", "fd00::1"
FROM_DB = Rule(peers=(Pods(pods=app("db")),))
PORT_80 = PortRange(protocol=UDP, first=80, last=80)
ONLY_80 = policy(Rule(ports=(PORT_80,)))
NOT_53 = policy(
    Rule(ports=(replace(PORT_80, first=53, last=53),), action=Action.DENY),
    tier=Tier.ADMIN,
)
OUTGOING = 4
"""PACKET_OUTGOING: what a socket sees that its own namespace sends."""
NUMBER = count(1)
PORTS = count(50_000)
FLAGS = [0x00, 0x01, 0x02, 0x03, 0x04, 0x06, 0x10, 0x12, 0x14, 0x18, 0x29, 0x3F, 0xC2]
PROTOCOLS = [0, 1, 2, 4, 33, 41, 47, 50, 51, 89, 112, 132, 136, 253]
ICMP, TCP_NUMBER, UDP_NUMBER = 1, 6, 17
MOST_ICMP_TYPES = 43
OTHERS_TABLE = """
table inet others {{
  chain raw {{
    type filter hook prerouting priority -300;
    {}
  }}
}}
"""


@pytest.fixture(scope="module")
def node() -> Iterator[PolicyNode]:
    with small_node() as made:
        yield made


class Tap:
    """Sees all that arrives in the pod."""

    def __init__(self) -> None:
        def make() -> socket.socket:
            every = socket.htons(3)  # ETH_P_ALL
            kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK
            return socket.socket(socket.AF_PACKET, kind, every)

        self.sock = netns.inside(space("oci1"), make)

    def saw(self, payload: bytes) -> bool:
        found = False
        with suppress(BlockingIOError):
            while True:
                data, where = self.sock.recvfrom(1 << 16)
                found |= where[2] != OUTGOING and payload in data
        return found


@pytest.fixture
def tap() -> Iterator[Tap]:
    made = Tap()
    with made.sock:
        yield made


def payload() -> bytes:
    """Return what no other packet has."""
    return b"odd%05d" % next(NUMBER)


def send(node: PolicyNode, protocol: int, body: bytes, *, offset: int = 0) -> None:
    """Send an IPv4 packet from outside to the pod."""
    ends = socket.inet_aton(OUT) + socket.inet_aton(WEB)
    head = struct.pack(">BBHHHBBH", 0x45, 0, 0, next(NUMBER), offset, 64, protocol, 0)

    def sending() -> None:
        kind = socket.SOCK_RAW
        with socket.socket(socket.AF_INET, kind, socket.IPPROTO_RAW) as sock:
            sock.sendto(head + ends + body, (WEB, 0))

    netns.inside(node.space_of(OUT), sending)


def checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def segment(flags: int, body: bytes) -> bytes:
    start = struct.pack(">HHIIBB", next(PORTS), 80, 1, 1, 5 << 4, flags)
    whole = start + struct.pack(">HHH", 1000, 0, 0) + body
    ends = socket.inet_aton(OUT) + socket.inet_aton(WEB)
    pseudo = ends + struct.pack(">HH", TCP_NUMBER, len(whole))
    total = checksum(pseudo + whole)
    return start + struct.pack(">HHH", 1000, total, 0) + body


@pytest.mark.parametrize("flags", FLAGS)
def test_no_flags_of_tcp_open_a_pod(node: PolicyNode, tap: Tap, flags: int) -> None:
    body = payload()
    node.apply(cluster(policy(Rule())), LINKS)
    send(node, TCP_NUMBER, segment(flags, body))
    assert tap.saw(body)
    body = payload()
    node.apply(cluster(policy(FROM_DB)), LINKS)
    send(node, TCP_NUMBER, segment(flags, body))
    assert not tap.saw(body)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_port_allows_no_other_protocol(
    node: PolicyNode, tap: Tap, protocol: int
) -> None:
    node.apply(cluster(ONLY_80), LINKS)
    body = payload()
    send(node, protocol, struct.pack(">HHHH", 80, 80, 16, 0) + body)
    assert not tap.saw(body)


def test_an_error_about_no_connection_is_denied(node: PolicyNode, tap: Tap) -> None:
    node.apply(cluster(policy()), LINKS)
    ends = socket.inet_aton(WEB) + socket.inet_aton(OUT)
    about = struct.pack(">BBHHHBBH", 0x45, 0, 28, 1, 0, 64, UDP_NUMBER, 0) + ends
    about += struct.pack(">HHHH", 9, 9, 8, 0)
    for kind in range(MOST_ICMP_TYPES):
        body = payload()
        rest = struct.pack(">I", 0) + about + body
        total = checksum(struct.pack(">BBH", kind, 0, 0) + rest)
        send(node, ICMP, struct.pack(">BBH", kind, 0, total) + rest)
        assert not tap.saw(body), kind


@pytest.mark.parametrize("offset", [1, 185, 0x2000 | 185])
def test_a_later_fragment_alone_is_lost(
    node: PolicyNode, tap: Tap, offset: int
) -> None:
    node.apply(cluster(ONLY_80), LINKS)
    body = payload()
    send(node, UDP_NUMBER, body, offset=offset)
    assert not tap.saw(body)


@pytest.mark.parametrize("made", [ONLY_80, NOT_53], ids=["accept", "deny"])
@pytest.mark.parametrize(("source", "target"), [(OUT, WEB), (DB6, WEB6)])
def test_a_datagram_in_fragments_is_judged_by_its_port(
    node: PolicyNode, tap: Tap, made: Policy, source: str, target: str
) -> None:
    node.apply(cluster(made), LINKS)
    for port in (80, 53):
        body = payload()
        _datagram(node, (source, target, port), bytes(3000) + body)
        assert tap.saw(body) is (port == 80)


def _datagram(node: PolicyNode, way: tuple[str, str, int], body: bytes) -> None:
    source, target, port = way
    family = socket.AF_INET6 if ":" in source else socket.AF_INET

    def sending() -> None:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((source, 0))
            sock.sendto(body, (target, port))

    netns.inside(node.space_of(source), sending)


@pytest.mark.parametrize("made", [ONLY_80, NOT_53], ids=["accept", "deny"])
@pytest.mark.parametrize("option", ["IPV6_DSTOPTS", "IPV6_HOPOPTS"])
def test_a_packet_with_extension_headers_is_judged_by_its_port(
    node: PolicyNode, tap: Tap, made: Policy, option: str
) -> None:
    node.apply(cluster(made), LINKS)
    padding = bytes([0, 0, 1, 4, 0, 0, 0, 0])
    for port in (80, 53):
        body = payload()

        def sending(port: int = port, body: bytes = body) -> None:
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
                sock.bind((DB6, 0))
                what = getattr(socket, option)
                sock.setsockopt(socket.IPPROTO_IPV6, what, padding)
                sock.sendto(body, (WEB6, port))

        netns.inside(node.space_of(DB6), sending)
        assert tap.saw(body) is (port == 80)


@contextmanager
def others_rule(rule: str) -> Iterator[None]:
    """Let another program have a rule at the raw hook."""
    netns.nft(NODE, OTHERS_TABLE.format(rule))
    try:
        yield
    finally:
        netns.nft(NODE, "delete table inet others\n")


def test_what_is_not_tracked_is_judged_packet_by_packet(node: PolicyNode) -> None:
    with others_rule("notrack"):
        node.apply(cluster(policy(FROM_DB)), LINKS)
        packet = Packet(source=DB, destination=WEB, protocol=UDP, port=80)
        assert node.passes(packet)
        assert not node.passes(replace(packet, source=OUT))


def test_flows_in_a_zone_of_others_lose_their_numbers(node: PolicyNode) -> None:
    pods = list(KNOWN)
    pods[1] = replace(pods[1], labels={"app": "other"})
    made = cluster(policy(FROM_DB))
    with others_rule("ct zone set 7"):
        node.apply(made, LINKS)
        with _talk(node, DB, WEB) as four, _talk(node, DB6, WEB6) as six:
            node.apply(replace(made, pods=tuple(pods)), LINKS)
            assert not four.arrives()
            assert not six.arrives()
        node.apply(made, LINKS)
        with _talk(node, DB, WEB):
            stale = MARKS.stale(dict.fromkeys(Direction, NUMBERS))
            assert netns.inside(NODE, lambda: conntrack.clear_marks(stale))


def _talk(node: PolicyNode, source: str, target: str) -> Datagrams:
    ends = [(node.space_of(x), (x, next(PORTS))) for x in (source, target)]
    talk = streams.talk(*ends)
    talk.exchange()
    return talk
