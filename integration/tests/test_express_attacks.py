"""A pod that sends what it should not, beside flows in the express lane."""

import struct
from dataclasses import replace
from typing import Any

import pytest

from integration.lab import express, frames
from integration.lab.bare import BarePod, BareStage
from integration.lab.frames import ACK, FIN, RST, SYN, TCP, UDP, Packet
from integration.tests.express import FAMILIES, KINDS, LASTING, two

pytestmark = LASTING
MADE_UP = 1000
MARKER = b"a mark of this test"
TIME_EXCEEDED = (11, 3)
"""Types of ICMP and ICMPv6."""


def forged(
    a: BarePod, b: BarePod, *, six: bool = False, protocol: int = UDP, flags: int = ACK
) -> Packet:
    """Return a packet with addresses and ports of a flow from one pod to another."""
    mine, theirs = express.PORTS
    return Packet(
        source=(a.address(six=six), mine),
        target=(b.address(six=six), theirs),
        protocol=protocol,
        flags=flags,
        payload=MARKER,
    )


@FAMILIES
@pytest.mark.parametrize("protocol", [TCP, UDP], ids=["TCP", "UDP"])
def test_a_pod_cannot_use_its_neighbours_flow(
    stage: BareStage, protocol: int, *, six: bool
) -> None:
    a, b = two(stage)
    thief = stage.pod(1)
    express.until_attached(*stage.nodes)
    opened = express.tcp if protocol == TCP else express.udp
    with opened(a, b, six=six) as flow, express.watch_router(a.node) as router:
        assert express.rides(a.node, flow.exchange)
        for flags in (ACK, FIN, RST, SYN, 0):
            packet = forged(a, b, six=six, protocol=protocol, flags=flags)
            frames.send(thief.name, packet.raw)
        assert router.packets(MARKER) == []
        # Nor does it disturb the flow.
        seen = express.share(a.node, lambda: flow.exchange(express.EXCHANGES))
        assert seen.ordinary == 0
        # The same packet of the flow's own pod leaves: the test sees what it looks for.
        frames.send(a.name, forged(a, b, six=six, protocol=protocol).raw)
        assert len(router.packets(MARKER)) == 1


NOT_THE_NODES = {
    "tagged": {"vlan": 7},
    "to another MAC": {"mac": bytes.fromhex("020000000001")},
}


@pytest.mark.parametrize("how", NOT_THE_NODES.values(), ids=NOT_THE_NODES)
def test_frames_that_are_not_the_nodes_stay_ordinary(
    stage: BareStage, how: dict[str, Any]
) -> None:
    a, b = two(stage)
    with express.udp(a, b) as flow, express.watch_router(a.node) as router:
        assert express.rides(a.node, flow.exchange)
        packet = forged(a, b).raw
        seen = express.share(a.node, lambda: frames.send(a.name, packet, **how))
        assert seen.express == 0
        assert router.packets(MARKER) == []
        # The same packet in a frame to the node leaves by the lane.
        seen = express.share(a.node, lambda: frames.send(a.name, packet))
        assert seen.express == 1
        assert len(router.packets(MARKER)) == 1


@pytest.mark.parametrize("protocol", [TCP, UDP], ids=["SYN", "UDP"])
@FAMILIES
def test_made_up_flows_fill_no_map(
    stage: BareStage, protocol: int, *, six: bool
) -> None:
    a, b = two(stage)
    packets = [
        Packet(
            source=(a.address(six=six), 10_000 + n),
            target=(b.address(six=six), 20_000 + n),
            protocol=protocol,
            flags=SYN,
        ).raw
        for n in range(MADE_UP)
    ]
    seen = express.share(a.node, lambda: frames.send(a.name, *packets))
    assert seen.ordinary >= MADE_UP
    assert flows(stage) == [0, 0]
    # A flow that is answered is noted: each direction, on each node.
    with express.udp(a, b, six=six) as flow:
        flow.exchange(2)
        assert flows(stage) == [2, 2]


def flows(stage: BareStage) -> list[int]:
    """Return how many directions of flows each node has noted."""
    return [express.state(node)["flows"] for node in stage.nodes]


IPV4_ONLY = {
    "options": {"options": b"\x01\x01\x01\x00"},
    "first fragment": {"fragment": 0x2000},
}
IPV6_ONLY = {
    "hop by hop": {"options": b"\x11\x00\x01\x04\0\0\0\0", "next_header": 0},
    "destination options": {
        "options": b"\x11\x00\x01\x04\0\0\0\0",
        "next_header": 60,
    },
    "first fragment": {"options": b"\x11\x00\x00\x01\0\0\0\x07", "next_header": 44},
    "whole in a fragment": {
        "options": b"\x11\x00\x00\x00\0\0\0\x07",
        "next_header": 44,
    },
}
CASES = [
    *((False, name, fields) for name, fields in IPV4_ONLY.items()),
    *((True, name, fields) for name, fields in IPV6_ONLY.items()),
]


@pytest.mark.parametrize(
    ("six", "name", "fields"), CASES, ids=[f"{6 if s else 4}-{n}" for s, n, _ in CASES]
)
def test_packets_with_more_headers_stay_ordinary(
    stage: BareStage, name: str, fields: dict[str, Any], *, six: bool
) -> None:
    a, b = two(stage)
    with express.udp(a, b, six=six) as flow:
        assert express.rides(a.node, flow.exchange)
        packet = replace(forged(a, b, six=six), **fields)
        seen = express.share(a.node, lambda: frames.send(a.name, packet.raw))
        assert seen.express == 0
        assert seen.ordinary
        if "first" not in name:
            assert flow.server.recv(1024) == MARKER
        plain = forged(a, b, six=six).raw
        assert express.share(a.node, lambda: frames.send(a.name, plain)).express == 1


def test_both_fragments_arrive_as_one(stage: BareStage) -> None:
    a, b = two(stage)
    with express.udp(a, b) as flow:
        assert express.rides(a.node, flow.exchange)
        whole = forged(a, b).raw
        for first, last in ((0, 16), (16, len(whole) - 20)):
            more = 0x2000 if last != len(whole) - 20 else 0
            frames.send(a.name, fragment(whole, first, last, more))
        assert flow.server.recv(1024) == MARKER


def fragment(packet: bytes, first: int, last: int, more: int) -> bytes:
    """Return bytes of an IPv4 packet's payload as a fragment."""
    header = bytearray(packet[:20])
    struct.pack_into("!H", header, 2, 20 + last - first)
    struct.pack_into("!H", header, 6, more | first // 8)
    struct.pack_into("!H", header, 10, 0)
    struct.pack_into("!H", header, 10, frames.checksum(bytes(header)))
    return bytes(header) + packet[20 + first : 20 + last]


@FAMILIES
@KINDS
def test_a_last_hop_is_told_to_the_pod(
    stage: BareStage, kind: express.Opening, *, six: bool
) -> None:
    a, b = two(stage)
    protocol = TCP if kind is express.tcp else UDP
    with (
        kind(a, b, six=six) as flow,
        express.watch(a) as pod,
        express.watch_router(a.node) as router,
    ):
        assert express.rides(a.node, flow.exchange)
        packet = replace(forged(a, b, six=six, protocol=protocol), hops=1)
        frames.send(a.name, packet.raw)
        kinds = {frames.icmp_type(p) for p in pod.packets(MARKER)} - {None}
        assert kinds == {TIME_EXCEEDED[six]}
        assert router.packets(MARKER) == []  # it was the node that answered
