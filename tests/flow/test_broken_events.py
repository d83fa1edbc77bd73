"""Broken pods get an Event, and another one when their network works again."""

import pytest
import trio

from fakeoci.world.resources import Instance
from sim.cluster import MemoryCluster
from sim.world import key, settings, until_warm, world
from tests.flow.test_broken import delete_behind
from vcnd.model.sandbox import Lease, PodRef
from vcnd.node import Node

Clock = trio.testing.MockClock
HOUR = 3600.0


async def start(node: Node, number: int) -> Lease:
    name = f"pod{number}"
    pod = PodRef(namespace="default", name=name, uid=name)
    lease, _ = await node.attacher.add(key(number), pod, 100 + number)
    return lease


def told(cluster: MemoryCluster) -> list[tuple[str, str]]:
    return [(n.reason, n.pod.name) for n in cluster.events if n.pod is not None]


@pytest.mark.slow
async def test_deleted_address_gets_an_event_at_its_pod(autojump_clock: Clock) -> None:
    w, cluster = world(blocks=False), MemoryCluster()
    async with w.node(settings(audit_seconds=60.0), cluster=cluster) as node:
        await until_warm(node)
        lost, _ = await start(node, 1), await start(node, 2)
        await trio.sleep(60)
        assert told(cluster) == []
        delete_behind(w, lost.address)
        await trio.sleep(150)
        assert told(cluster) == [("PodNetworkBroken", "pod1")]
        event = next(n for n in cluster.events if n.pod is not None)
        assert lost.address in event.message
        assert event.warning
        # The Event repeats at growing intervals until the pod has gone.
        await trio.sleep(4 * HOUR)
        assert 5 <= len(told(cluster)) <= 8
        await node.attacher.delete(key(1))
        await trio.sleep(60)
        before = len(told(cluster))
        await trio.sleep(2 * HOUR)
        assert len(told(cluster)) == before
        assert {reason for reason, _ in told(cluster)} == {"PodNetworkBroken"}


@pytest.mark.slow
async def test_restored_link_gets_one_event(autojump_clock: Clock) -> None:
    w, cluster = world(), MemoryCluster()
    # Attaching another VNIC would apply the kernel state and restore the link.
    w.service.world.named(Instance, "node1").max_vnic_attachments = 2
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        await start(node, 1)
        node.pool.vnics.set_unlinked(frozenset(node.pool.vnics.slots))
        await trio.sleep(40)
        node.pool.vnics.set_unlinked(frozenset())
        await trio.sleep(2 * HOUR)
        assert told(cluster) == [
            ("PodNetworkBroken", "pod1"),
            ("PodNetworkRestored", "pod1"),
        ]


@pytest.mark.slow
async def test_link_missing_for_a_moment_gets_no_event(
    autojump_clock: Clock,
) -> None:
    w, cluster = world(), MemoryCluster()
    async with w.node(cluster=cluster) as node:
        await until_warm(node)
        await start(node, 1)
        await trio.sleep(10)
        node.pool.vnics.set_unlinked(frozenset(node.pool.vnics.slots))
        node.pool.signals.ring()
        await trio.sleep(1)
        node.pool.vnics.set_unlinked(frozenset())
        node.pool.signals.ring()
        await trio.sleep(60)
        assert told(cluster) == []
