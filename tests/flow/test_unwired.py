"""A lease without wiring: vcnd leases the addresses, another program wires them.

The host of these tests refuses such a lease (``Lease.host_ifname``), so a flow that
used the kernel for it would fail.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from msgspec.structs import replace

from sim.invariants import check_invariants
from sim.world import World, add, key, settings, world
from tests.flow.test_broken import delete_behind
from vcnd.ctl.status_text import describe
from vcnd.model.errors import SandboxBrokenError
from vcnd.model.records import Leased
from vcnd.model.sandbox import Lease
from vcnd.node import Node

Clock = trio.testing.MockClock


@asynccontextmanager
async def unwired(w: World) -> AsyncIterator[tuple[Node, Lease]]:
    """Run a node whose journal has a lease without wiring, and one with it."""
    async with w.node(settings(cooling_seconds=30.0)) as node:
        lease = await add(node, 1)
        await add(node, 2)
    w.host.links.pop(lease.host_ifname)
    bare = replace(lease, wiring=None)
    w.journal.records = [
        (Leased(bare) if record == Leased(lease) else record, at)
        for record, at in w.journal.records
    ]
    async with w.node(settings(cooling_seconds=30.0, audit_seconds=60.0)) as node:
        assert node.pool.ledger.lease_of(bare.key) == bare
        yield node, bare


@pytest.mark.slow
@pytest.mark.parametrize("damaged", [False, True])
async def test_restarts_and_audits_leave_it(
    autojump_clock: Clock, damaged: bool
) -> None:
    w = world()
    w.journal.damaged = damaged
    async with unwired(w) as (node, lease):
        links = dict(w.host.links)
        await trio.sleep(700)
        assert node.pool.ledger.lease_of(lease.key) == lease
        assert node.pool.ledger.state(lease.address) == "leased"
        assert w.host.links == links
        check_invariants(w, node)
    async with w.node() as node:
        assert node.pool.ledger.lease_of(lease.key) == lease
        (shown,) = [x for x in (await node.report()).leases if not x.host_ifname]
        assert shown.addresses == lease.addresses
        assert lease.address in describe(await node.report())


async def test_a_new_boot_ends_it(autojump_clock: Clock) -> None:
    w = world()
    async with unwired(w) as (_, lease):
        pass
    w.journal.boot()
    w.host.links.clear()
    async with w.node() as node:
        assert node.pool.ledger.leases() == []
        assert node.pool.ledger.state(lease.address) == "cooling"


@pytest.mark.slow
async def test_check_compares_its_addresses(autojump_clock: Clock) -> None:
    w = world(blocks=False)
    async with unwired(w) as (node, lease):
        await node.attacher.check(lease.key, 7, [lease.address])
        with pytest.raises(SandboxBrokenError, match="does not name"):
            await node.attacher.check(lease.key, 7, ["10.9.9.9"])
        delete_behind(w, lease.address)
        await trio.sleep(300)
        assert node.pool.ledger.lease_of(lease.key) == lease
        with pytest.raises(SandboxBrokenError, match="cannot work"):
            await node.attacher.check(lease.key, 7, [lease.address])


async def test_del_lets_its_address_cool(autojump_clock: Clock) -> None:
    w = world()
    async with unwired(w) as (node, lease):
        assert await node.attacher.delete(lease.key) == lease
        assert await node.attacher.delete(lease.key) is None
        assert node.pool.ledger.state(lease.address) == "cooling"
        await trio.sleep(31)
        assert node.pool.ledger.state(lease.address) == "free"
    async with w.node() as node:
        assert node.pool.ledger.lease_of(lease.key) is None


async def test_garbage_collection_ends_it_when_the_runtime_does_not_list_it(
    autojump_clock: Clock,
) -> None:
    w = world()
    async with unwired(w) as (node, lease):
        listed = {(key(n).container_id, key(n).ifname) for n in (1, 2)}
        await node.kernel_audit.collect_garbage("vcnd", frozenset(listed))
        assert node.pool.ledger.lease_of(lease.key) == lease
        await node.kernel_audit.collect_garbage("another", frozenset())
        assert node.pool.ledger.lease_of(lease.key) == lease
        rest = listed - {(lease.key.container_id, lease.key.ifname)}
        await node.kernel_audit.collect_garbage("vcnd", frozenset(rest))
        assert [x.key for x in node.pool.ledger.leases()] == [key(2)]


@pytest.mark.slow
async def test_its_address_may_come_back(autojump_clock: Clock) -> None:
    w = world(blocks=False)
    async with unwired(w) as (node, lease):
        kept = w.secondary()[lease.address]
        delete_behind(w, lease.address)
        await trio.sleep(300)
        assert node.pool.ledger.state(lease.address) == "lost"
        w.service.world.space(kept.subnet_id).take(kept.ip_address)
        w.service.world.add(kept)
        await trio.sleep(300)
        assert node.pool.ledger.state(lease.address) == "leased"
        assert w.host.moved == {}


async def test_add_wires_it(autojump_clock: Clock) -> None:
    w = world()
    async with unwired(w) as (node, lease):
        wired = await add(node, 1)
        assert wired.addresses == lease.addresses
        assert wired.host_ifname in w.host.links
    async with w.node() as node:
        assert node.pool.ledger.lease_of(lease.key) == wired
