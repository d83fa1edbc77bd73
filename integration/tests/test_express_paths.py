"""Which flows use the express lane: established ones that nobody translates."""

from integration.lab import express, frames, others
from integration.lab.bare import BareStage
from integration.tests.express import FAMILIES, KINDS, two


@FAMILIES
@KINDS
def test_flows_between_nodes_use_the_lane(
    stage: BareStage, kind: express.Opening, *, six: bool
) -> None:
    a, b = two(stage)
    with kind(a, b, six=six) as flow:
        for node in stage.nodes:
            assert express.rides(node, flow.exchange)


@FAMILIES
@KINDS
def test_flows_within_a_node_use_the_lane(
    stage: BareStage, kind: express.Opening, *, six: bool
) -> None:
    a, b = two(stage, second_on=1)
    with kind(a, b, six=six) as flow:
        assert express.rides(stage.nodes[0], flow.exchange)


def test_bulk_uses_the_lane(stage: BareStage) -> None:
    """Its packets are segmented by the link, so each is longer than the MTU."""
    a, b = two(stage)
    with express.tcp(a, b) as stream:
        stream.exchange(4)
        seen = express.share(a.node, lambda: stream.exchange(4, 1 << 20))
        assert seen.mostly_express


@KINDS
def test_a_pod_without_the_lane_stays_ordinary(
    stage: BareStage, kind: express.Opening
) -> None:
    a, b = two(stage, lane=False)
    with kind(a, b) as flow:
        assert not express.rides(a.node, flow.exchange)
    c = stage.pod(1)
    express.until_attached(*stage.nodes)
    with kind(c, a) as flow:
        assert not express.rides(a.node, flow.exchange)


@FAMILIES
@KINDS
def test_a_hop_counts_in_the_lane_too(
    stage: BareStage, kind: express.Opening, *, six: bool
) -> None:
    a, b = two(stage)
    with kind(a, b, six=six) as flow, express.watch(b) as seen:
        assert express.rides(b.node, flow.exchange)
        hops = {frames.hops(p) for p in seen.packets(b"") if frames.is_tcp_or_udp(p)}
        assert hops == {64 - 3, 64}  # of packets to the pod, and of its own


def test_untracked_packets_stay_ordinary(stage: BareStage) -> None:
    a, b = two(stage)
    rules = ("udp dport 8080 notrack", "udp sport 8080 notrack")
    untracked = others.chain("filter hook prerouting priority raw", *rules)
    with (
        others.table(a.node.name, "inet lab", untracked),
        express.udp(a, b) as flow,
    ):
        assert not express.rides(a.node, flow.exchange)
