"""The express lane's programs come and go under traffic, and no packet is lost."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from fakeoci.fabric import netns
from integration.lab import express
from integration.lab.bare import BareNode, BarePod, BareStage
from integration.lab.streams import ANSWER_SECONDS, Datagrams
from integration.tests.express import two
from vcnd.bpf.tcx import Hook

TIMES = 5
"""To change a queue under a link takes the kernel some hundred microseconds; as long
take some ten datagrams."""


def lost_during(flow: Datagrams, action: Callable[[], object]) -> int:
    """Return how many datagrams, both ways in turn, never arrive during an action."""
    lost = 0
    with ThreadPoolExecutor(1) as threads:
        done = threads.submit(action)
        while not done.done():
            for back in (False, True):
                # It may wait for a processor; one that is lost never comes.
                lost += not flow.arrives(back=back, seconds=ANSWER_SECONDS)
        done.result()
    return lost


def has_clsact(pod: BarePod) -> bool:
    return pod.link in netns.inside(pod.node.name, express.links_with_clsact)


def switch_on(node: BareNode) -> None:
    node.call("switch", on=True)
    express.until_attached(node)


def switch_off(node: BareNode) -> None:
    node.call("switch", on=False)


@pytest.fixture
def node(stage: BareStage) -> Iterator[BareNode]:
    """Node 1; its lane is on at the end."""
    yield stage.nodes[0]
    switch_on(stage.nodes[0])


def test_a_new_pods_packets_arrive(stage: BareStage) -> None:
    a = stage.pod(1)
    for n in range(TIMES):
        new = stage.pod(1)
        assert has_clsact(new)
        with express.udp(a, new, ports=(4000 + n, 8080)) as flow:
            assert lost_during(flow, lambda: express.until_attached(*stage.nodes)) == 0
            assert express.rides(a.node, flow.exchange)


@pytest.mark.parametrize("lane", [True, False], ids=["lane on", "lane off"])
def test_a_set_up_loses_no_packet(
    stage: BareStage, node: BareNode, *, lane: bool
) -> None:
    """As when a VNIC comes, or when something is restored."""
    if not lane:
        switch_off(node)
    a, b = two(stage) if lane else (stage.pod(1), stage.pod(2))
    with express.udp(a, b) as flow:
        assert lost_during(flow, lambda: set_up(node)) == 0


def set_up(node: BareNode) -> None:
    for _ in range(4 * TIMES):
        node.call("apply", vnics=node.vnics)


def test_switching_loses_no_packet(stage: BareStage, node: BareNode) -> None:
    a, b = two(stage)
    with express.udp(a, b) as flow:
        assert express.rides(a.node, flow.exchange)
        for _ in range(TIMES):
            assert lost_during(flow, lambda: switch_off(node)) == 0
            assert has_clsact(a)
            assert lost_during(flow, lambda: switch_on(node)) == 0
            assert express.rides(a.node, flow.exchange)


def test_pods_that_started_without_the_lane_lose_no_packet(
    stage: BareStage, node: BareNode
) -> None:
    switch_off(node)
    a, b = stage.pod(1), stage.pod(1)
    with express.udp(a, b) as flow:
        assert lost_during(flow, lambda: switch_on(node)) == 0
        assert express.rides(node, flow.exchange)
        assert lost_during(flow, lambda: switch_off(node)) == 0
        assert lost_during(flow, lambda: switch_on(node)) == 0
        assert express.rides(node, flow.exchange)
    # The qdisc cannot come without a loss: such a pod has the programs by tcx.
    assert not has_clsact(a)
    assert {(a.link, hook) for hook in Hook} <= express.programs(node).keys()
