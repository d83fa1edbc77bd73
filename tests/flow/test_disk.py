"""A disk that refuses or is slow: some work waits for it, the rest goes on."""

from typing import TypeGuard

import pytest
import trio

from fakeoci.world import vnics
from fakeoci.world.resources import Instance
from sim.invariants import check_invariants
from sim.world import World, add, key, settings, until_warm, world
from vcnd.core.replay import Replay
from vcnd.model.errors import JournalError
from vcnd.model.ids import VnicId
from vcnd.model.place import JOURNAL
from vcnd.model.records import Record, VnicNumbered
from vcnd.model.sandbox import Lease
from vcnd.node import Node

Clock = trio.testing.MockClock


def written(w: World) -> set[Lease]:
    replay = Replay()
    for record, at in w.journal.records:
        replay.apply(record, at)
    return set(replay.recovered(trio.current_time()).leases)


def told(node: Node) -> list[str]:
    return [p.reason for p in node.pool.problems if p.place == JOURNAL]


async def test_del_succeeds_and_its_address_waits_for_the_disk(
    autojump_clock: Clock,
) -> None:
    w = world()
    async with w.node(settings(cooling_seconds=30.0)) as node:
        lease = await add(node, 1)
        w.journal.full = True
        assert await node.attacher.delete(key(1)) == lease
        assert lease.host_ifname not in w.host.links
        assert await node.attacher.delete(key(1)) is None
        await trio.sleep(100)
        assert node.pool.ledger.state(lease.address) == "cooling"
        assert told(node) == ["the disk is full"]
        w.journal.full = False
        await trio.sleep(10)
        assert node.pool.ledger.state(lease.address) == "free"
        assert told(node) == []
        assert written(w) == set()


async def test_add_is_refused_and_changes_nothing(autojump_clock: Clock) -> None:
    w = world()
    async with w.node() as node:
        await until_warm(node)
        before = node.pool.ledger.counts(), len(w.secondary()), w.journal.records[:]
        w.journal.full = True
        for number in range(9):
            with pytest.raises(JournalError, match="the disk is full"):
                await add(node, number)
        await trio.sleep(600)
        after = node.pool.ledger.counts(), len(w.secondary()), w.journal.records
        assert after == before
        w.journal.full = False
        await trio.sleep(10)
        await add(node, 1)


async def test_add_that_the_disk_does_not_keep_is_undone(
    autojump_clock: Clock,
) -> None:
    """The pod is plugged by then: it is cut off, and its address rests (I4)."""
    w = world()
    async with w.node(settings(cooling_seconds=30.0)) as node:
        await until_warm(node)
        w.journal.unsafe = True
        with pytest.raises(JournalError, match="did not keep it"):
            await add(node, 1)
        assert not w.host.links
        assert node.pool.ledger.leases() == []
        assert node.pool.ledger.counts().cooling == 1
        w.journal.unsafe = False
        await add(node, 1)
        check_invariants(w, node)


async def test_pod_is_plugged_while_the_disk_works(autojump_clock: Clock) -> None:
    w = world()
    async with w.node() as node:
        await until_warm(node)
        w.journal.seconds = 5.0
        async with trio.open_nursery() as callers:
            callers.start_soon(add, node, 1)
            await trio.sleep(1)
            assert len(w.host.links) == 1


@pytest.mark.slow
async def test_nothing_is_asked_of_the_cloud_that_cannot_be_written_down(
    autojump_clock: Clock,
) -> None:
    """I10: otherwise each attempt would leave another unrecorded address."""
    w = world()
    async with w.node() as node:
        await until_warm(node)
    w.service.world.settings.timing.latencies["CreatePrivateIp"] = 20.0
    async with w.node(settings(batch=8, audit_seconds=300.0)) as node:
        await trio.sleep(10)
        w.journal.full = True  # the pool's second half is in flight
        await trio.sleep(3600)
        assert len(w.secondary()) == 8
        w.journal.full = False
        await trio.sleep(600)
        assert node.pool.ledger.counts().total == len(w.secondary())
        check_invariants(w, node)


async def test_nothing_is_asked_of_the_cloud_while_the_disk_is_full(
    autojump_clock: Clock,
) -> None:
    """The target is higher since the restart, yet no address is created."""
    w = world()
    async with w.node() as node:
        await until_warm(node)
    w.journal.full = True
    async with w.node(settings(batch=8)) as node:
        await trio.sleep(600)
        assert len(w.secondary()) == 4
        w.journal.full = False
        await until_warm(node, free=8)


async def test_restart_after_del_on_a_full_disk_gives_no_address_twice(
    autojump_clock: Clock,
) -> None:
    """The lease returns without its link: repair ends it and its address cools down."""
    w, config = world(), settings(cooling_seconds=30.0)
    async with w.node(config) as node:
        lease = await add(node, 1)
        w.journal.full = True
        await node.attacher.delete(key(1))
    async with w.node(config) as node:
        assert node.pool.ledger.leases() == []
        assert node.pool.ledger.state(lease.address) == "cooling"
        await trio.sleep(60)
        assert node.pool.ledger.state(lease.address) == "cooling"
        w.journal.full = False
        await trio.sleep(40)
        assert node.pool.ledger.state(lease.address) == "free"
        assert written(w) == set()


@pytest.mark.parametrize("after", [0.0, 0.1, 0.15, 0.2, 0.3, 0.45])
@pytest.mark.parametrize("full", [False, True])
async def test_cancelled_calls_leave_books_and_disk_agreed(
    autojump_clock: Clock, after: float, full: bool
) -> None:
    """The disk's sync takes 150 ms; the runtime hangs up at any moment."""
    w = world()
    async with w.node() as node:
        await until_warm(node)
        w.host.plug_seconds = w.journal.seconds = 0.15
        with trio.move_on_after(after):
            await add(node, 1)
        w.journal.full = full
        with trio.move_on_after(after):
            await node.attacher.delete(key(1))
        await trio.sleep(1)
        w.journal.full = False
        await trio.sleep(60)
        leases = set(node.pool.ledger.leases())
        assert written(w) == leases
        assert set(w.host.links) == {x.host_ifname for x in leases}


async def test_boot_within_the_cooldown_gives_no_address_at_once(
    autojump_clock: Clock,
) -> None:
    """I3: addresses leased or cooling at the boot cool down from the boot on."""
    w, config = world(), settings(cooling_seconds=30.0)
    async with w.node(config) as node:
        first, second = await add(node, 1), await add(node, 2)
        await node.attacher.delete(key(2))
    w.host.links.clear()
    w.journal.boot()
    async with w.node(config) as node:
        ledger = node.pool.ledger
        assert ledger.leases() == []
        await trio.sleep(20)
        assert {ledger.state(x.address) for x in (first, second)} == {"cooling"}
        await trio.sleep(11)
        assert {ledger.state(x.address) for x in (first, second)} == {"free"}


def detach(w: World) -> None:
    """Let somebody else detach the pod VNIC."""
    there = w.service.world
    vnic_id = w.pod_vnics()[0].id
    instance = there.named(Instance, w.instance)
    attachment = next(
        a for a in vnics.attachments_of(there, instance.id) if a.vnic_id == vnic_id
    )
    vnics.detach(there, attachment.id, None, w.service.clock())
    w.host.lose_link(VnicId(vnic_id))


@pytest.mark.slow
async def test_gone_vnic_is_forgotten_once_the_disk_takes_it(
    autojump_clock: Clock,
) -> None:
    """I7: a simulation (seed 62) found its addresses in the ledger for ever."""
    w = world()
    async with w.node(settings(audit_seconds=60.0)) as node:
        await until_warm(node)
        w.journal.full = True
        detach(w)
        await trio.sleep(120)
        w.journal.full = False
        await trio.sleep(300)
        await until_warm(node)
        assert node.pool.ledger.counts().total == len(w.secondary())
        check_invariants(w, node)


@pytest.mark.slow
async def test_attached_vnic_is_recorded_once_the_disk_takes_it(
    autojump_clock: Clock,
) -> None:
    """I9: the next life would give its pods another VNIC number, or none."""
    w = world()
    async with w.node(settings(audit_seconds=60.0)) as node:
        while not w.pod_vnics():
            await trio.sleep(0.1)
        w.journal.full = True
        await trio.sleep(60)
        w.journal.full = False
        await until_warm(node)
        await trio.sleep(120)
    numbered = {r.slot.vnic.id for r, _ in w.journal.records if _is_number(r)}
    assert {v.id for v in w.pod_vnics()} <= numbered


def _is_number(record: Record) -> TypeGuard[VnicNumbered]:
    return isinstance(record, VnicNumbered)
