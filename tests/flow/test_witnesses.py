"""What carries a pod goes only when two witnesses agree that it is gone."""

import trio

from fakeoci.world.nouns import VnicAttachment
from fakeoci.world.vnics import detach
from tests.harness import (
    EPOCH,
    World,
    add,
    check_invariants,
    settings,
    until_warm,
    world,
)
from vcnd.daemon import Node

Clock = trio.testing.MockClock


def detach_behind(w: World, node: Node, vnic_id: str) -> None:
    """Detach a VNIC as somebody in the console does: its link goes with it."""
    cloud = w.service.world
    (attachment,) = (a for a in cloud.all(VnicAttachment) if a.vnic_id == vnic_id)
    detach(cloud, attachment.id, None, EPOCH + trio.current_time())
    (slot,) = (s for s in node.pool.pod_slots if s.vnic.id == vnic_id)
    w.host.lose_link(slot.vnic.id)


async def test_a_vnic_detached_by_somebody_is_replaced_at_once(
    autojump_clock: Clock,
) -> None:
    w = world()
    async with w.node() as node:
        await until_warm(node)
        await trio.sleep(120)
        (lost,) = w.pod_vnics()
        detach_behind(w, node, lost.id)
        await trio.sleep(0.1)
        began = trio.current_time()
        lease = await add(node, 1)
        assert trio.current_time() - began < 20
        assert lease.address in w.secondary()
        assert w.secondary()[lease.address].vnic_id != lost.id
        check_invariants(w, node)


async def test_a_lost_link_is_told_and_its_addresses_are_not_given(
    autojump_clock: Clock,
) -> None:
    """The cloud has the VNIC, the node has no link of it: pods get others."""
    w = world()
    async with w.node(settings(audit_seconds=3600.0)) as node:
        await until_warm(node)
        before = await add(node, 1)
        (slot,) = node.pool.pod_slots
        w.host.lose_link(slot.vnic.id)
        await trio.sleep(0.1)
        lease = await add(node, 2)
        assert w.secondary()[lease.address].vnic_id != slot.vnic.id
        assert [p["what"] for p in node.report()["problems"]] == [
            f"link of {slot.vnic.id}"
        ]
        assert [b["address"] for b in node.report()["broken"]] == [before.address]
        w.host.find_link(slot.vnic.id)
        await trio.sleep(1)
        assert node.report()["problems"] == []
        assert node.report()["broken"] == []
