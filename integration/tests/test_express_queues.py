"""Others' queues and programs at a pod's link, which the lane would pass by."""

import os
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from fakeoci.fabric import netns
from integration.lab import express
from integration.lab.bare import BarePod, BareStage
from integration.tests.express import BRIEF, LASTS, two
from vcnd.bpf import programs, tcx
from vcnd.bpf.tcx import Hook
from vcnd.netlink import traffic_control
from vcnd.netlink.messages import NetlinkError, NetlinkSocket

SHOT = 2
DROP = struct.pack("=BBhi", 0xB7, 0, 0, SHOT) + struct.pack("=BBhi", 0x95, 0, 0, 0)
"""A program that drops each packet."""


def _by_tcx(index: int, program: int) -> None:
    tcx.attach(index, Hook.EGRESS, program)


def _by_filter(index: int, program: int) -> None:
    with NetlinkSocket(socket.NETLINK_ROUTE) as route:
        with suppress(NetlinkError):  # the lane has made it
            route.request("qdisc", *traffic_control.new_clsact(index))
        kind, flags, body = traffic_control.set_program(
            index, traffic_control.EGRESS, program, "other"
        )
        info = struct.pack("=I", 5 << 16 | socket.htons(3))
        route.request("filter", kind, flags, body[:16] + info + body[20:])


def drop_at(pod: BarePod, attach: Callable[[int, int], None]) -> None:
    """Put a program that drops everything at the egress of a pod's link."""
    program = programs.load("other", DROP)
    index = netns.inside(pod.node.name, lambda: socket.if_nametoindex(pod.link))
    netns.inside(pod.node.name, lambda: attach(index, program))
    os.close(program)


@BRIEF
@pytest.mark.parametrize("attach", [_by_tcx, _by_filter], ids=["tcx", "filter"])
def test_a_program_that_drops_stops_an_established_flow(
    stage: BareStage, attach: Callable[[int, int], None]
) -> None:
    a, b = two(stage)
    with express.udp(a, b) as flow:
        assert express.rides(b.node, flow.exchange)
        drop_at(b, attach)

        def left_out() -> list[str]:
            events = b.node.log_events()
            return [e["link"] for e in events if e["event"] == "express_refused"]

        express.until(lambda: express.state(b.node)["pods"] == 0, "it is left out")
        # It stays so, beyond the time of a proof.
        for _ in range(2 * express.EXCHANGES):
            assert not flow.arrives()
            time.sleep(LASTS / express.EXCHANGES)
        assert left_out().count(b.link) == 1


@BRIEF
def test_a_queue_on_a_pods_link_keeps_it_ordinary(stage: BareStage) -> None:
    a, b = two(stage)
    with express.udp(a, b) as flow:
        assert express.rides(b.node, flow.exchange)
        queue = f"dev {b.link} root pfifo limit 100"
        express.tc(b.node, f"qdisc add {queue}")
        express.until(lambda: not express.rides(b.node, flow.exchange), "ordinary")
        assert express.rides(a.node, flow.exchange)
        express.tc(b.node, f"qdisc del dev {b.link} root")
        express.until_rides(b.node, flow.exchange)
