"""Others' queues and programs at a pod's link, which the lane would pass by."""

import socket
import time

import pytest

from fakeoci.fabric import netns
from integration.lab import express, others
from integration.lab.bare import BareStage
from integration.tests.express import BRIEF, LASTS, two
from vcnd.bpf.tcx import Hook
from vcnd.linux.lane.hooks import ClsactHooks, Hooks, TcxHooks


def drop_at(link: str, way: type[Hooks]) -> None:
    """Drop all that leaves by a link of this thread's namespace."""
    others.attach(socket.if_nametoindex(link), Hook.EGRESS, others.DROP, way)


@BRIEF
@pytest.mark.parametrize("way", [TcxHooks, ClsactHooks])
def test_a_program_that_drops_stops_an_established_flow(
    stage: BareStage, way: type[Hooks]
) -> None:
    a, b = two(stage)
    with express.udp(a, b) as flow:
        assert express.rides(b.node, flow.exchange)
        netns.inside(b.node.name, lambda: drop_at(b.link, way))

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
        express.until_ordinary(b.node, flow.exchange)
        assert express.rides(a.node, flow.exchange)
        express.tc(b.node, f"qdisc del dev {b.link} root")
        express.until_rides(b.node, flow.exchange)
