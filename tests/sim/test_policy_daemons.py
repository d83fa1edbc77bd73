"""Both daemons on two nodes: a pod's first packets, to the other node too."""

from random import Random

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from sim.kubernetes.server import ApiServer
from sim.policy.daemons import STRICT, DaemonStage
from sim.policy.oracle import News, Oracle, WrongVerdictError
from sim.policy.stage import Running
from sim.world import world
from vcnd.log import log
from vcnd.model.policy import Packet, Protocol

pytestmark = pytest.mark.slow

FROM_A = {
    "kind": "NetworkPolicy",
    "apiVersion": "networking.k8s.io/v1",
    "metadata": {"name": "from-a", "namespace": "red"},
    "spec": {
        "podSelector": {"matchLabels": {"app": "b"}},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "a"}}}]}],
    },
}


def packet(source: Running, destination: Running) -> Packet:
    ends = source.address, destination.address
    return Packet(source=ends[0], destination=ends[1], protocol=Protocol.TCP, port=80)


async def first_packets(*, early: bool) -> Oracle:
    """Let pods start on one node, and talk to a pod of another at once."""
    server, news = ApiServer(random=Random(1)), News()
    policy = replace(STRICT.policy, early_addresses=early)
    with log.collected():
        async with trio.open_nursery() as tasks:
            config = replace(STRICT, policy=policy)
            stage = DaemonStage(server, tasks, world(nodes=2), config)
            stage.plane.add_namespace("red")
            stage.plane.put_policy(FROM_A)
            for name in ("node1", "node2"):
                await stage.add_node(name)
            await trio.sleep(60)  # the pools fill
            oracle = Oracle(stage, news)
            b = await stage.add_pod("red", {"app": "b"}, node="node2")
            await trio.sleep(5)
            for label in ("a", "c"):
                pod = await stage.add_pod("red", {"app": label}, node="node1")
                # The node has told its address before; its status tells none yet.
                oracle.look(iter([packet(pod, b), packet(b, pod)]))
                await trio.sleep(5)
            tasks.cancel_scope.cancel()
    return oracle


async def test_first_packet_is_judged_right_on_another_node(
    autojump_clock: MockClock,
) -> None:
    oracle = await first_packets(early=True)
    assert oracle.settled == oracle.judged == 6


async def test_first_packet_of_a_pod_that_nobody_told_of_is_dropped(
    autojump_clock: MockClock,
) -> None:
    """The oracle sees the difference that early addresses make."""
    with pytest.RaisesGroup(WrongVerdictError, flatten_subgroups=True):
        await first_packets(early=False)
