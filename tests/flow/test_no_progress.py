"""Changes that succeed and bring nothing: they are not made again at once."""

import trio

from sim.world import World, key, settings, until_warm, world
from tests.shop import add, reserved, shop, warm
from vcnd.core.requests import FIXED_ADDRESS
from vcnd.model.ids import VnicId

Clock = trio.testing.MockClock


async def without_link(w: World) -> VnicId:
    """Return the node's first pod VNIC; its link does not appear."""
    with trio.fail_after(60):
        while not w.pod_vnics():
            await trio.sleep(0.1)
    vnic_id = VnicId(w.pod_vnics()[0].id)
    w.host.missing_links.add(vnic_id)
    return vnic_id


async def test_new_vnic_gets_one_batch_while_its_link_is_late(
    autojump_clock: Clock,
) -> None:
    """Seed 3002878 of 2 nodes: a batch came with each reconcile until it was full."""
    w = world()
    async with w.node(settings()) as node:
        vnic_id = await without_link(w)
        await trio.sleep(40)
        assert w.calls("CreatePrivateIp") == 1
        assert len(w.secondary()) == 4
        w.host.find_link(vnic_id)
        await until_warm(node)
        assert w.calls("CreatePrivateIp") == 1


async def test_vnic_whose_link_never_comes_is_replaced(autojump_clock: Clock) -> None:
    w = world()
    async with w.node(settings()) as node:
        await without_link(w)
        await trio.sleep(120)
        assert len(w.pod_vnics()) == 2
        serving = [v for v in node.pool.vnics.slots if node.pool.vnics.serves(v)]
        assert serving == [w.vnics()[0].id, w.pod_vnics()[1].id]
        assert len(w.secondary()) == 8


async def test_fixed_address_known_otherwise_is_fetched_once_a_while(
    autojump_clock: Clock,
) -> None:
    """Seed 3002878, too: others have deleted a block, and its range is used again."""
    w = shop()
    async with warm(w) as node:
        await add(node, 1, {FIXED_ADDRESS: "web"})
        await node.attacher.delete(key(1))
        await trio.sleep(90)  # what is younger may be in no list yet
        (block, *_) = w.secondary().values()
        (fixed,) = reserved(w)
        assert fixed.vnic_id is None
        w.service.world.drop(block)
        fixed.ip_address = block.ip_address
        before = w.calls()
        lease = await add(node, 2, {FIXED_ADDRESS: "web"})
        assert lease.address == block.ip_address
        assert w.calls() - before < 40
