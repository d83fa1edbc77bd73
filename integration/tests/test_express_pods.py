"""Pods and VNICs that come and go, and lives of the daemon, under traffic."""

from functools import partial

import pytest

from integration.lab import express, frames
from integration.lab.bare import MTU, BarePod, BareStage
from integration.lab.streams import ANSWER_SECONDS, push
from integration.tests.express import BRIEF, FAMILIES, LASTS, two

SMALL = 1500
OTHER_PORTS = (4002, 8082)
TOO_BIG = (3, 2)
"""Types of ICMP and ICMPv6."""


@FAMILIES
@pytest.mark.parametrize("node", [1, 2], ids=["the same node", "another node"])
def test_an_address_of_a_removed_pod_leads_to_its_new_pod(
    stage: BareStage, node: int, *, six: bool
) -> None:
    a, b = two(stage)
    c = stage.pod(1)
    express.until_attached(*stage.nodes)
    mine, theirs = express.PORTS
    with (
        express.udp(b, a, six=six) as from_afar,
        express.udp(c, a, six=six, ports=(mine, theirs + 1)) as from_here,
        express.watch(a) as old,
    ):
        for flow in (from_afar, from_here):
            assert express.rides(a.node, flow.exchange)
        stage.unplug(a)
        heir = stage.pod(node, like=a)
        old.packets(b"")
        with express.watch(heir) as new:
            for flow in (from_afar, from_here):
                flow.client.send(b"for the heir")
            assert len(new.packets(b"for the heir")) >= 2
        assert old.packets(b"for the heir") == []
        # What the removed pod still sends goes nowhere.
        with express.watch_router(a.node) as router:
            for flow in (from_afar, from_here):
                assert not flow.arrives(back=True)
            assert router.packets(frames.raw_address(a.address(six=six))) == []


def test_packets_of_a_removed_pod_find_no_flow(stage: BareStage) -> None:
    """Another pod of its node keeps the lane's programs at the VNIC."""
    a, b = two(stage)
    stage.pod(1)
    express.until_attached(a.node)
    with express.udp(a, b) as flow:
        assert express.rides(a.node, flow.exchange)
        stage.unplug(a)
        seen = express.share(a.node, lambda: flow.arrives(back=True))
        assert seen == express.Share(express=0, ordinary=1)


@FAMILIES
def test_flows_come_back_with_their_vnic(stage: BareStage, *, six: bool) -> None:
    a, b = two(stage)
    with express.udp(a, b, six=six) as flow:
        assert express.rides(a.node, flow.exchange)
        a.node.detach_vnic()
        for _ in range(express.EXCHANGES):
            assert not flow.arrives()
            assert not flow.arrives(back=True)
        a.node.attach_vnic()
        express.until(lambda: flow.arrives() and flow.arrives(back=True), "it works")
        express.until_rides(a.node, flow.exchange)


@BRIEF
@FAMILIES
def test_packets_longer_than_a_new_mtu_are_told_to_the_pod(
    stage: BareStage, *, six: bool
) -> None:
    a, b = two(stage)
    with (
        express.udp(a, b, six=six) as flow,
        express.tcp(a, b, six=six) as stream,
        express.watch(a) as pod,
    ):
        flow.exchange(2, 4000)
        stream.exchange(2, 1 << 18)
        assert express.rides(a.node, lambda n: flow.exchange(n, 4000))
        pod.packets(b"")
        a.node.set_mtu(SMALL)
        try:

            def told() -> bool:
                flow.arrives(size=4000)
                answers = {frames.icmp_type(p) for p in pod.packets(b"")}
                return TOO_BIG[six] in answers

            express.until(told, "the new MTU counts", 3 * LASTS)
            # TCP learns it, and its segments use the lane.
            stream.exchange(4, 1 << 18)
            seen = express.share(a.node, lambda: stream.exchange(4, 1 << 18))
            assert seen.express > seen.ordinary
            # A late acknowledgement would be in the lane, too.
            stream.close()
            # Beside packets in the lane, one that is too long is not lost.
            with express.udp(a, b, six=six, ports=OTHER_PORTS) as small:
                express.until_rides(a.node, small.exchange)
                for _ in range(3):
                    small.arrives()  # the last answer's error
                    assert small.arrives(seconds=ANSWER_SECONDS)
                    pod.packets(b"")
                    long = packet_of(a, b, 4000, six=six)
                    seen = express.share(a.node, partial(frames.send, a.name, long))
                    assert seen.express == 0
                    answers = {frames.icmp_type(p) for p in pod.packets(b"")}
                    assert TOO_BIG[six] in answers
        finally:
            a.node.set_mtu(MTU)


def packet_of(a: BarePod, b: BarePod, size: int, *, six: bool) -> bytes:
    """Return a packet of two pods that must not be fragmented."""
    source, target = zip((p.address(six=six) for p in (a, b)), OTHER_PORTS, strict=True)
    return frames.Packet(
        source=source, target=target, payload=bytes(size), fragment=0x4000
    ).raw


@pytest.mark.parametrize("end", ["killed", "stopped"])
def test_flows_outlive_the_daemon(stage: BareStage, end: str) -> None:
    a, b = two(stage)
    with express.tcp(a, b) as stream:
        assert express.rides(a.node, stream.exchange)
        if end == "killed":
            a.node.kill()
        else:
            a.node.stop()
        assert express.rides(b.node, stream.exchange)
        a.node.start()
        stream.exchange(express.EXCHANGES)
        express.until_attached(a.node)
        assert express.rides(a.node, stream.exchange)
        assert programs(stage) == {1}


def programs(stage: BareStage) -> set[int]:
    """Return how many programs the hooks of node 1 have, where they have any."""
    found = express.programs(stage.nodes[0])
    assert found
    return set(found.values())


def test_each_life_replaces_the_programs_of_the_last(stage: BareStage) -> None:
    a, b = two(stage)
    for _ in range(3):
        a.node.kill()
        a.node.start()
        express.until_attached(a.node)
        assert programs(stage) == {1}
    with express.tcp(a, b) as stream:
        assert express.rides(a.node, stream.exchange)


def test_maps_of_two_lives_side_by_side_are_right(stage: BareStage) -> None:
    """A link still has the programs of the last life, the other ones are new."""
    a, b = two(stage)
    with express.udp(a, b) as flow:
        assert express.rides(a.node, flow.exchange)
        kept = express.keep_programs(a.node, a.link)
        a.node.kill()
        a.node.start()
        express.until_attached(a.node)
        kept()
        flow.exchange(express.EXCHANGES)
        stage.unplug(a)
        assert not flow.arrives(back=True)


def test_withdrawing_leaves_no_program(stage: BareStage) -> None:
    a, b = two(stage)
    with express.tcp(a, b) as stream:
        assert express.rides(a.node, stream.exchange)
    a.node.call("withdraw")
    assert express.programs(a.node) == {}
    a.node.call("apply", vnics=a.node.vnics)
    express.until_attached(a.node)


def test_switching_it_off_counts_at_once(stage: BareStage) -> None:
    a, b = two(stage)
    with express.tcp(a, b) as stream:
        assert express.rides(a.node, stream.exchange)
        a.node.call("switch", on=False)
        assert express.programs(a.node) == {}
        stream.exchange(express.EXCHANGES)
        a.node.call("switch", on=True)
        express.until_attached(a.node)
        assert express.rides(a.node, stream.exchange)


def test_one_direction_alone_keeps_its_lane(stage: BareStage) -> None:
    a, b = two(stage)
    with express.tcp(a, b) as stream:
        stream.exchange(2)
        push(stream.client, stream.server, 1 << 20)
        seen = express.share(
            a.node, lambda: push(stream.client, stream.server, 1 << 22)
        )
        assert seen.mostly_express
