"""The express lane and destinations that take less than the VNIC's link."""

import socket
from collections.abc import Iterator
from functools import partial

import pytest

from integration.lab import express, frames
from integration.lab.bare import MTU, OUTSIDE, OUTSIDE_ADDRESSES, BareStage
from integration.lab.streams import talk
from integration.tests.express import FAMILIES, LASTING, two

pytestmark = LASTING
LONG, SHORT = 4000, 1000
CIDRS = ["10.0.0.0/8", "2001:db8:0::/47"]
"""The VCN's: the host outside has other addresses."""
TOO_BIG = {False: 3, True: 2}
PORTS = 7000, 7001


@pytest.fixture
def known(stage: BareStage) -> Iterator[BareStage]:
    """Nodes that know their VCN."""
    for node in stage.nodes:
        vnics = [{**vnic, "vcn_cidrs": CIDRS} for vnic in node.vnics]
        node.call("apply", vnics=vnics)
    yield stage
    for node in stage.nodes:
        node.call("apply", vnics=node.vnics)


@FAMILIES
def test_long_packets_ride_inside_the_vcn_alone(known: BareStage, *, six: bool) -> None:
    a, b = two(known)
    with express.udp(a, b, six=six) as near:
        # A short packet proves a way for short ones, a long one for all.
        express.until_rides(a.node, partial(near.exchange, size=SHORT))
        near.exchange(2, LONG)
        assert express.rides(a.node, partial(near.exchange, size=LONG))
    own, theirs = a.address(six=six), OUTSIDE_ADDRESSES[six]
    with talk((a.name, (own, PORTS[0])), (OUTSIDE, (theirs, PORTS[1]))) as far:
        express.until_rides(a.node, partial(far.exchange, size=SHORT))
        long = frames.Packet(
            source=(own, PORTS[0]),
            target=(theirs, PORTS[1]),
            payload=bytes(LONG),
            fragment=0x4000,
        ).raw
        for _ in range(3):
            with express.watch(a) as pod:
                send = partial(frames.send, a.name, long)
                assert express.share(a.node, send).express == 0
                answers = {frames.icmp_type(p) for p in pod.packets(b"")}
                assert TOO_BIG[six] in answers
        assert MTU > LONG
        far.server.settimeout(0)
        with pytest.raises(BlockingIOError):
            far.server.recv(LONG, socket.MSG_PEEK)
