"""Network policies that change while flows are in the express lane."""

import os
import socket
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fakeoci.fabric import netns
from integration.lab import express
from integration.lab.bare import BareNode, BarePod, BareStage
from integration.tests.express import BRIEF, FAMILIES, KINDS, LASTING, LASTS, two
from vcnd.core.policy.generations import Generations
from vcnd.core.policy.rule_set import OPEN, Chain, Line, Match, RuleSet
from vcnd.linux import nft
from vcnd.linux.lane.gate import Gate
from vcnd.linux.nft_table import Table
from vcnd.linux.policy import guard as policy_guard
from vcnd.linux.policy import table as policy_table
from vcnd.linux.policy.marks import Marks
from vcnd.model.policy import Action, Direction
from vcnd.netlink import conntrack, nftables
from vcnd.netlink.messages import NetlinkSocket

MARKS = Marks()
GUARD = policy_guard.render(marks=MARKS, link_prefix="oci")
WRITER = policy_table.Writer(marks=MARKS, link_prefix="oci")
SECONDS = 30.0
ALLOWED = Line(Match(), Action.ACCEPT)


@dataclass(kw_only=True)
class Policies:
    """The policies of one node, put as vcnd-policy puts them."""

    node: BareNode
    generations: Generations = field(default_factory=Generations)
    table: Table = field(default_factory=Table)
    gate: Gate = field(default_factory=Gate)

    def isolate(self, pod: BarePod, direction: Direction, *lines: Line) -> None:
        """Isolate a pod of this node, but for what some lines say."""
        made = Chain(direction=direction, lines=lines, otherwise=Action.DENY)
        egress, ingress = {pod.link: OPEN}, dict.fromkeys(pod.addresses, OPEN)
        if direction is Direction.EGRESS:
            egress[pod.link] = "out_1"
        else:
            ingress = dict.fromkeys(pod.addresses, "in_1")
        name = "out_1" if direction is Direction.EGRESS else "in_1"
        rules = RuleSet(egress=egress, ingress=ingress, chains={name: made})
        then = self.generations.after(rules)
        table, before = WRITER.table(rules, then.numbers), self.table
        stale = MARKS.stale(then.stale)

        def put() -> None:
            if stale:
                conntrack.clear_marks(stale)
            if before.chains:
                with NetlinkSocket(nftables.NETLINK_NETFILTER) as sock:
                    nft.change(sock, policy_table.TABLE, before, table)
            else:
                nft.put(policy_table.TABLE, table.text(policy_table.TABLE))
                nft.put(policy_guard.TABLE, GUARD)

        netns.inside(self.node.name, put)
        self.generations, self.table = then, table

    def take_gate(self, directory: Path) -> None:
        """Take the gate that the node lends."""
        path = str(directory / "policy.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            listener.settimeout(SECONDS)
            self.node.call("lend", path=path)
            connection, _ = listener.accept()
        with connection:
            _, (descriptor,), *_ = socket.recv_fds(connection, 4096, 1)
        self.gate.take(descriptor)
        os.close(descriptor)

    def remove(self) -> None:
        """Leave no table."""

        def remove() -> None:
            nft.remove(policy_guard.TABLE)
            nft.remove(policy_table.TABLE)

        netns.inside(self.node.name, remove)


ENDS = pytest.mark.parametrize("direction", Direction)


def end_of(
    pods: tuple[BarePod, BarePod], direction: Direction
) -> tuple[BarePod, Policies]:
    """Return the pod that policies of a direction are about, and its node's."""
    pod = pods[0] if direction is Direction.EGRESS else pods[1]
    policies = Policies(node=pod.node)
    policies.isolate(pod, direction, ALLOWED)
    return pod, policies


@LASTING
@FAMILIES
@KINDS
@ENDS
def test_a_withdrawn_policy_stops_a_flow_at_once(
    stage: BareStage, kind: express.Opening, direction: Direction, *, six: bool
) -> None:
    """The kernel tells vcnd of it: sooner than any flow is proven anew."""
    pods = two(stage)
    pod, policies = end_of(pods, direction)
    with kind(*pods, six=six) as flow:
        express.until_rides(pod.node, flow.exchange)
        policies.isolate(pod, direction)
        express.until(lambda: not flow.arrives(), "the policy counts")
    policies.remove()


@LASTING
@FAMILIES
@KINDS
@ENDS
def test_no_packet_passes_after_the_rules_while_the_gate_is_closed(
    stage: BareStage,
    tmp_path: Path,
    kind: express.Opening,
    direction: Direction,
    *,
    six: bool,
) -> None:
    """Neither the daemon's ears nor the time end what the lane had noted."""
    pods = two(stage)
    pod, policies = end_of(pods, direction)
    policies.take_gate(tmp_path)
    with kind(*pods, six=six) as flow:
        express.until_rides(pod.node, flow.exchange)
        pod.node.kill()
        flow.exchange(express.EXCHANGES)
        policies.gate.close()
        policies.isolate(pod, direction)
        assert not flow.arrives()
        policies.gate.open()
        assert not flow.arrives()
    pod.node.start()
    policies.remove()


@LASTING
def test_a_flow_returns_to_the_lane_when_the_gate_opens(
    stage: BareStage, tmp_path: Path
) -> None:
    pods = two(stage)
    pod, policies = end_of(pods, Direction.INGRESS)
    policies.take_gate(tmp_path)
    with express.udp(*pods) as flow:
        express.until_rides(pod.node, flow.exchange)
        policies.gate.close()
        found = express.share(pod.node, lambda: flow.exchange(express.EXCHANGES))
        assert not found.express
        policies.gate.open()
        express.until_rides(pod.node, flow.exchange)
    policies.remove()


@LASTING
@ENDS
def test_a_flow_that_stays_allowed_goes_on(
    stage: BareStage, direction: Direction
) -> None:
    """It is judged once more, and returns to the lane."""
    pods = two(stage)
    pod, policies = end_of(pods, direction)
    with express.udp(*pods) as flow:
        express.until_rides(pod.node, flow.exchange)
        policies.isolate(pod, direction, ALLOWED, Line(Match(first=80), Action.ACCEPT))
        express.until_rides(pod.node, flow.exchange)
    policies.remove()


@BRIEF
@ENDS
def test_a_withdrawn_policy_stops_a_flow_soon_without_the_daemon(
    stage: BareStage, direction: Direction
) -> None:
    pods = two(stage)
    pod, policies = end_of(pods, direction)
    with express.udp(*pods) as flow:
        express.until_rides(pod.node, flow.exchange)
        pod.node.kill()
        flow.exchange(express.EXCHANGES)
        policies.isolate(pod, direction)
        express.until(lambda: not flow.arrives(), "the policy counts", 2 * LASTS)
    pod.node.start()
    policies.remove()
