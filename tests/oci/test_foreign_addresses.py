"""Addresses that somebody else puts on a pod VNIC are theirs (I8)."""

import pytest
import trio

from fakeoci.world import ips
from fakeoci.world.resources import PrivateIp
from sim.world import World, add, key, settings, until_warm, world
from vcnd.config import Config

Clock = trio.testing.MockClock


def idle() -> Config:
    return settings(cooling_seconds=1.0, shrink_after_seconds=60.0, audit_seconds=60.0)


def plant(w: World, theirs: dict[str, str]) -> PrivateIp:
    """Put an address with tags on the node's pod VNIC, as an operator does."""
    made = ips.create_now(
        w.service.world,
        ips.NewAddress(freeform_tags=theirs),
        vnic_id=w.pod_vnics()[0].id,
        subnet_id=None,
        now=w.service.clock(),
    )
    assert isinstance(made, PrivateIp)
    return made


@pytest.mark.parametrize("theirs", [{}, {"owner": "keepalived"}])
async def test_no_pod_gets_an_address_of_others(
    autojump_clock: Clock, theirs: dict[str, str]
) -> None:
    w = world(blocks=False)
    async with w.node(idle()) as node:
        await until_warm(node)
        made = plant(w, theirs)
        await trio.sleep(150)
        leases = [await add(node, n) for n in range(12)]
        assert made.ip_address not in {x.address for x in leases}
        for number in range(12):
            await node.attacher.delete(key(number))
        await trio.sleep(900)
        assert made.id in w.service.world.objects
        assert made.freeform_tags == theirs
        assert made.id not in node.pool.ledger.ids()


async def test_tags_of_our_addresses_are_restored(autojump_clock: Clock) -> None:
    """The journal knows them."""
    w = world(blocks=False)
    async with w.node(idle()) as node:
        await until_warm(node)
        known = node.pool.ledger.ids()
        for made in w.secondary().values():
            made.freeform_tags.clear()
    async with w.node(idle()) as node:
        await trio.sleep(60)
        assert node.pool.ledger.ids() == known
        assert all(made.freeform_tags for made in w.secondary().values())
