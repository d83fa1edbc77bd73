"""Subnets with several CIDRs: the node's networks cover every address."""

import trio

from sim.world import settings, until_warm, world
from vcnd.flow.pool import Pool


async def test_addresses_of_a_subnets_second_block_are_covered(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Metadata has only the first CIDR."""
    blocks = 'cidrs = ["10.1.0.0/29", "10.1.8.0/24"]'
    w = world({'cidrs = ["10.1.0.0/20"]': blocks}, blocks=False)
    async with w.node(settings(minimum=12)) as node:
        await until_warm(node, 12)
        with trio.fail_after(30):
            await until_covered(node.pool)
        assert any(a.startswith("10.1.8.") for a in w.secondary())
        assert [s.vnic.further_cidrs for s in w.host.slots if not s.is_primary] == [
            ("10.1.8.0/24",)
        ]


async def until_covered(pool: Pool) -> None:
    """Wait until each address is in a network of its VNIC."""
    while not all(
        pool.vnics.slots[p.vnic_id].vnic.covers(a)
        for p in pool.ledger.private_ips()
        for a in p.addresses
    ):
        await trio.sleep(0.5)
