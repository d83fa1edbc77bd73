"""A pod with NET_RAW sends what it must not: in others' names, to IMDS, to its node.

What a pod cannot do with a flow of the express lane is in ``test_express_attacks``,
what it cannot do to network policies in ``test_policy_odd_packets``.
"""

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from fakeoci.fabric import netns
from integration.lab import express, frames
from integration.lab.bare import OUTSIDE_ADDRESSES, ROUTER, BarePod, BareStage
from integration.lab.frames import SYN, TCP, UDP, Packet
from integration.tests.express import FAMILIES

MARKER = b"a mark of this test"
LINKS = (0, 1)
"""The node's VNICs, the primary one first."""
BROADCAST = b"\xff" * 6
ETH_P_ARP = 0x0806
MADE_UP = 300
"""More neighbours than a node may learn from one pod."""
MORE_FRAGMENTS = 0x2000
IMDS, IMDS6 = "169.254.169.254", "fd00:c1::a9fe:a9fe"


@pytest.fixture
def stage(bare: BareStage) -> Iterator[BareStage]:
    """Two nodes without pods; the express lane need not be there."""
    yield bare
    bare.clear()


def seen_outside(pod: BarePod, *packets: bytes) -> list[bytes]:
    """Send packets from a pod; return those that leave its node by any VNIC."""
    with ExitStack() as stack:
        watches = [
            stack.enter_context(frames.Watch(ROUTER, pod.node.at_router(n)))
            for n in LINKS
        ]
        frames.send(pod.name, *packets)
        return [found for watch in watches for found in watch.packets(MARKER)]


def packet(source: str, target: str, port: int = 7000, protocol: int = UDP) -> Packet:
    return Packet(
        source=(source, 7001),
        target=(target, port),
        protocol=protocol,
        flags=SYN,
        payload=MARKER,
    )


def others(stage: BareStage, neighbour: BarePod, *, six: bool) -> dict[str, str]:
    """Return addresses that are no pod's to send with."""
    primary, own = stage.nodes[0].vnics
    return {
        "its neighbour": neighbour.address(six=six),
        "its node": primary["ipv6" if six else "address"],
        "the pods' VNIC": own["ipv6" if six else "address"],
        "the virtual router": own["ipv6_router" if six else "virtual_router"],
        "a pod of another node": "2001:db8:1:2::aa" if six else "10.1.2.200",
        "the internet": OUTSIDE_ADDRESSES[six],
        "nobody": "::" if six else "0.0.0.0",  # noqa: S104 - a source
        "itself, by loopback": "::1" if six else "127.0.0.1",
        "a group": "ff02::1" if six else "224.0.0.1",
        "IMDS": IMDS6 if six else IMDS,
    }


@FAMILIES
def test_a_pod_sends_in_no_name_but_its_own(stage: BareStage, *, six: bool) -> None:
    a, neighbour = stage.pod(1), stage.pod(1)
    outside, inside = OUTSIDE_ADDRESSES[six], neighbour.address(six=six)
    with frames.Watch(neighbour.name, "eth0") as watch:
        for whose, source in others(stage, neighbour, six=six).items():
            for protocol in (UDP, TCP):
                lies = packet(source, outside, protocol=protocol).raw
                assert seen_outside(a, lies) == [], whose
                frames.send(a.name, packet(source, inside, protocol=protocol).raw)
                assert watch.packets(MARKER) == [], whose
        # Its own name passes: the test sees what it looks for.
        truth = packet(a.address(six=six), outside).raw
        assert seen_outside(a, truth) != []
        frames.send(a.name, packet(a.address(six=six), inside).raw)
        assert watch.packets(MARKER) != []


def test_nobody_outside_sends_as_the_node_or_as_nobody(stage: BareStage) -> None:
    """The kernel's own check of sources is off on pods' VNICs: the rules make it."""
    pod, (primary, own) = stage.pod(1), stage.nodes[0].vnics
    link, mac = pod.node.at_router(1), bytes.fromhex(own["mac"].replace(":", ""))
    lies = (primary["address"], own["address"], "127.0.0.1", "224.0.0.1")
    with frames.Watch(pod.name, "eth0") as watch:
        for source in (*lies, "255.255.255.255"):
            told = packet(source, pod.address()).raw
            frames.send(ROUTER, told, mac=mac, link=link)
            assert watch.packets(MARKER) == [], source
        told = packet(OUTSIDE_ADDRESSES[0], pod.address()).raw
        frames.send(ROUTER, told, mac=mac, link=link)
        assert watch.packets(MARKER) != []


def paths_to_imds() -> dict[str, tuple[str, int, int]]:
    """Return destinations that may be IMDS, or another service of the hypervisor."""
    return {
        "IMDS": (IMDS, 80, TCP),
        "IMDS by UDP": (IMDS, 80, UDP),
        "DNS' neighbour port": (IMDS, 54, TCP),
        "iSCSI": ("169.254.0.2", 3260, TCP),
        "iSCSI of a further volume": ("169.254.2.2", 3260, TCP),
        "another address of the link": ("169.254.0.3", 80, TCP),
        "a gateway of pods": ("169.254.1.1", 80, TCP),
        "IMDS of IPv6": (IMDS6, 80, TCP),
        "another address of its network": ("fd00:c1::1", 80, TCP),
    }


@pytest.mark.parametrize("way", paths_to_imds())
def test_no_packet_of_a_pod_reaches_imds(stage: BareStage, way: str) -> None:
    a = stage.pod(1)
    address, port, protocol = paths_to_imds()[way]
    mine = a.address(six=":" in address)
    assert seen_outside(a, packet(mine, address, port, protocol).raw) == []


def test_dns_and_ntp_of_the_hypervisor_stay_open(stage: BareStage) -> None:
    """The test above sees what it looks for."""
    a = stage.pod(1)
    for port, protocol in ((53, UDP), (53, TCP), (123, UDP)):
        way = packet(a.address(), IMDS, port, protocol).raw
        assert seen_outside(a, way) != [], port


def wrapped_addresses() -> dict[str, str]:
    """Return addresses of IPv6 that have IMDS' in them."""
    return {
        "mapped": f"::ffff:{IMDS}",
        "compatible": f"::{IMDS}",
        "NAT64": f"64:ff9b::{IMDS}",
        "6to4": "2002:a9fe:a9fe::1",
    }


@pytest.mark.parametrize("how", wrapped_addresses())
def test_no_address_with_imds_in_it_becomes_imds(stage: BareStage, how: str) -> None:
    """Nobody on the node translates: at most the packet leaves as it was sent."""
    a = stage.pod(1)
    target = wrapped_addresses()[how]
    mine = a.address(six=True)
    # The router may answer that it knows no way.
    ends = [frames.raw_address(end) for end in (target, mine)]
    for seen in seen_outside(a, packet(mine, target, 80, TCP).raw):
        assert seen[0] >> 4 == 6
        assert seen[24:40] in ends


def test_imds_cannot_be_reached_in_fragments(stage: BareStage) -> None:
    """The node puts a packet together before it judges: also a port in two parts."""
    a = stage.pod(1)
    closed, opened = (packet(a.address(), IMDS, port).raw for port in (80, 53))
    assert seen_outside(a, *in_fragments(closed)) == []
    # A first fragment to DNS, and another one that would rewrite its port.
    first, _ = in_fragments(opened)
    overlapping = fragment(closed, 20, len(closed), offset=0)
    assert seen_outside(a, first, overlapping) == []
    assert seen_outside(a, *in_fragments(opened)), "fragments to DNS pass"
    # A later fragment alone.
    assert seen_outside(a, in_fragments(closed)[1]) == []


def in_fragments(whole: bytes) -> tuple[bytes, bytes]:
    """Return a packet of IPv4 as two fragments."""
    middle = 20 + 8
    return (
        fragment(whole, 20, middle, offset=0, more=True),
        fragment(whole, middle, len(whole), offset=1),
    )


def fragment(
    whole: bytes, start: int, end: int, *, offset: int, more: bool = False
) -> bytes:
    """Return a part of a packet; its offset is in units of eight bytes."""
    flags = struct.pack("!H", offset | (MORE_FRAGMENTS if more else 0))
    length = struct.pack("!H", 20 + end - start)
    header = whole[:2] + length + whole[4:6] + flags + whole[8:10]
    header += b"\0\0" + whole[12:20]
    check = struct.pack("!H", frames.checksum(header))
    return header[:10] + check + header[12:] + whole[start:end]


@pytest.mark.parametrize("option", [0x83, 0x89], ids=["loose", "strict"])
def test_a_source_route_leads_nowhere(stage: BareStage, option: int) -> None:
    a, neighbour = stage.pod(1), stage.pod(1)
    way = bytes([option, 7, 4]) + frames.raw_address(IMDS) + b"\0"
    routed = Packet(
        source=(a.address(), 7001),
        target=(neighbour.address(), 80),
        payload=MARKER,
        options=way,
    )
    assert seen_outside(a, routed.raw) == []
    with frames.Watch(neighbour.name, "eth0") as watch:
        frames.send(a.name, routed.raw)
        assert watch.packets(MARKER) == []


def arp(kind: int, mac: bytes, claimed: str, target: str) -> bytes:
    """Return ARP's request (1) or reply (2) that claims an address."""
    ends = mac + frames.raw_address(claimed) + bytes(6) + frames.raw_address(target)
    return struct.pack("!HHBBH", 1, 0x0800, 6, 4, kind) + ends


def send_arp(name: str, *messages: tuple[int, str, str]) -> None:
    """Broadcast messages of ARP from a pod's eth0."""

    def send() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
            sock.bind(("eth0", 0))
            mac = sock.getsockname()[4]
            for kind, claimed, target in messages:
                body = arp(kind, mac, claimed, target)
                sock.send(BROADCAST + mac + struct.pack("!H", ETH_P_ARP) + body)

    netns.inside(name, send)


def neighbours() -> set[str]:
    """Return what node 1 knows of neighbours at its pods' links.

    What it knew of earlier tests' pods goes meanwhile.
    """
    found = netns.ip_output("node1", "neigh", "show", "nud", "all").splitlines()
    found += netns.ip_output("node1", "-6", "neigh", "show", "nud", "all").splitlines()
    return {x for x in found if " dev oci" in x and "NOARP" not in x}


def test_arp_of_a_pod_changes_no_neighbour(stage: BareStage) -> None:
    a, neighbour = stage.pod(1), stage.pod(1)
    node = stage.nodes[0].vnics[0]
    before = neighbours()
    for address in (neighbour.address(), "169.254.1.1", node["address"], "10.0.1.1"):
        send_arp(a.name, (2, address, address), (1, address, node["address"]))
    assert neighbours() <= before
    made_up = (f"10.9.{n >> 8}.{n & 255}" for n in range(MADE_UP))
    send_arp(a.name, *((1, address, node["address"]) for address in made_up))
    assert neighbours() <= before, "a pod fills the node's table"
    assert reaches(stage, neighbour, six=False)


def link_local(pod: BarePod) -> str:
    """Return the link-local address of a pod's link on node 1, once there is one.

    The kernel adds it, and its route, a moment after the link is up.
    """
    words: list[str] = []

    def is_there() -> bool:
        shown = netns.ip_output("node1", "-6", "addr", "show", "dev", pod.link)
        words[:] = shown.split()
        return "inet6" in words

    express.until(is_there, f"{pod.link} has an address")
    return words[words.index("inet6") + 1].partition("/")[0]


def discovery(source: str, target: str, kind: int, mac: bytes) -> bytes:
    """Return a message of neighbour discovery.

    Args:
        source: of the packet.
        target: the address that is asked for or claimed; of a redirect both the
            destination and the next hop.
        kind: of ICMPv6: 135, a solicitation; 136, an advertisement; 137, a redirect.
        mac: the sender's.
    """
    what = frames.raw_address(target)
    body = struct.pack("!BBHI", kind, 0, 0, 0xA0000000 if kind == 136 else 0)
    option = 1 if kind == 135 else 2
    body += what + (what if kind == 137 else b"") + bytes([option, 1]) + mac
    to = target if kind == 135 else "ff02::1"
    ends = frames.raw_address(source) + frames.raw_address(to)
    pseudo = ends + struct.pack("!II", len(body), socket.IPPROTO_ICMPV6)
    check = struct.pack("!H", frames.checksum(pseudo + body))
    body = body[:2] + check + body[4:]
    return struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + ends + body


def ipv6_routes() -> set[str]:
    """Return the node's routes; those of pods that ended may still go."""
    return set(netns.ip_output("node1", "-6", "route").splitlines())


def test_neighbour_discovery_of_a_pod_changes_no_neighbour(stage: BareStage) -> None:
    a, neighbour = stage.pod(1), stage.pod(1)
    router = stage.nodes[0].vnics[0]["ipv6_router"]
    own, _ = link_local(a), link_local(neighbour)
    before, routes = neighbours(), ipv6_routes()
    mac = bytes.fromhex("020000000099")
    for source in (a.address(six=True), "fe80::1", router):
        for claimed in (neighbour.address(six=True), "fe80::1", router):
            for kind in (136, 137):
                frames.send(a.name, discovery(source, claimed, kind, mac))
    assert neighbours() <= before
    for n in range(MADE_UP):
        frames.send(a.name, discovery(f"fe80::9:{n:x}", own, 135, mac))
    assert neighbours() <= before, "a pod fills the node's table"
    assert ipv6_routes() <= routes
    assert reaches(stage, neighbour, six=True)


def test_an_icmp_redirect_of_a_pod_changes_no_route(stage: BareStage) -> None:
    a, victim = stage.pod(1), stage.pod(1)
    outside = OUTSIDE_ADDRESSES[0]
    said = packet(victim.address(), outside).raw[:28]
    body = struct.pack("!BBH4s", 5, 1, 0, frames.raw_address(a.address())) + said
    check = struct.pack("!H", frames.checksum(body))
    whole = Packet(source=(a.address(), 0), target=("10.0.1.2", 0)).raw[:20]
    length = struct.pack("!H", 20 + len(body))
    header = whole[:2] + length + whole[4:9] + b"\x01\0\0" + whole[12:20]
    header = header[:10] + struct.pack("!H", frames.checksum(header)) + header[12:]
    before = netns.ip_output("node1", "route", "get", outside)
    frames.send(a.name, header + body[:2] + check + body[4:])
    assert netns.ip_output("node1", "route", "get", outside) == before


def reaches(stage: BareStage, pod: BarePod, *, six: bool) -> bool:
    """Return True if another pod's packet arrives at a pod."""
    sender = stage.pod(1)
    sent = packet(sender.address(six=six), pod.address(six=six)).raw
    with frames.Watch(pod.name, "eth0") as watch:
        frames.send(sender.name, sent)
        return watch.packets(MARKER) != []
