"""What is new may be missing from OCI's lists, and not be found by its OCID either."""

from contextlib import suppress

import pytest
import trio

from fakeoci.world.resources import Vnic, VnicAttachment
from sim.world import World, add, settings, until_warm, world
from tests.flow.test_witnesses import detach_behind
from vcnd.flow.conditions import Phase
from vcnd.model.errors import VcndError
from vcnd.model.sandbox import Lease
from vcnd.model.vnic import VnicSlot

Clock = trio.testing.MockClock
LATE_SECONDS = 30.0
"""Within the minute that lists may lag; VNICs take two seconds here."""
FEW_PER_VNIC = {"ocpus = 4.0": "ocpus = 4.0\nprivate_ips_per_vnic = 1"}


def lag(w: World, seconds: float = LATE_SECONDS) -> None:
    w.service.world.settings.timing.consistency_seconds = seconds


def grow_old(w: World, *vnics: Vnic) -> None:
    """Let VNICs be old enough for lists, with their attachments and addresses."""
    cloud, ids = w.service.world, {v.id for v in vnics}
    theirs = [p for v in ids for p in cloud.private_ips_of(v)]
    attachments = [a for a in cloud.all(VnicAttachment) if a.vnic_id in ids]
    for thing in (*vnics, *attachments, *theirs):
        thing.time_created -= LATE_SECONDS


async def first_life(w: World) -> Lease:
    """Let a daemon attach a VNIC and start a pod, and end."""
    async with w.node() as node:
        await until_warm(node)
        return await add(node, 1)


async def stays(w: World, slots: list[VnicSlot], seconds: float) -> None:
    """Watch that no VNIC is taken from the kernel."""
    for _ in range(round(seconds * 10)):
        await trio.sleep(0.1)
        assert w.host.slots == slots


async def test_vnic_found_without_the_journal_stays(autojump_clock: Clock) -> None:
    """I9: seed 3005852 of 2 nodes: it is seen, and then not seen."""
    w = world()
    lease = await first_life(w)
    slots = list(w.host.slots)
    w.journal.records.clear()
    async with w.node() as node:
        await until_warm(node)
        assert w.host.slots == slots
        lag(w)
        node.pool.signals.request_audit()
        await stays(w, slots, 60)
        await node.attacher.check(lease.key, 101, [lease.address])


@pytest.mark.parametrize("again", [False, True])
async def test_kernel_is_left_alone_until_each_pods_vnic_is_listed(
    autojump_clock: Clock, *, again: bool
) -> None:
    """I9: without the journal, a VNIC is in no list yet; the daemon may start again."""
    w, config = world(FEW_PER_VNIC, blocks=False), settings(batch=1)
    async with w.node(config) as node:
        leases = [await add(node, n) for n in range(2)]
        await until_warm(node, 1)
    slots = list(w.host.slots)
    grow_old(w, *w.pod_vnics()[1:])
    w.journal.records.clear()
    lag(w)
    if again:
        async with w.node(config):
            await stays(w, slots, 10)
    async with w.node(config) as node:
        await stays(w, slots, 10)
        assert len(node.pool.vnics.slots) < len(slots)
        await trio.sleep(40)
        now = {s.vnic.id: s.index for s in w.host.slots}
        assert {s.vnic.id: s.index for s in slots} == now
        for number, lease in enumerate(leases):
            await node.attacher.check(lease.key, 100 + number, [lease.address])


async def test_kernel_is_set_up_at_last_without_a_vnic_that_stays_unknown(
    autojump_clock: Clock,
) -> None:
    """Nothing says that it is ours: other pods must not wait for ever."""
    w = world()
    await first_life(w)
    (gone,) = w.pod_vnics()
    w.journal.records.clear()
    gone.freeform_tags.clear()
    async with w.node() as node:
        await trio.sleep(120)
        assert gone.id not in {s.vnic.id for s in w.host.slots}
        await add(node, 2)


async def test_new_vnic_is_not_released_unseen(autojump_clock: Clock) -> None:
    """I7: the node would be released, and its VNIC stay."""
    w = world()
    async with w.node() as node:
        await until_warm(node)
        lag(w)
        with suppress(VcndError):
            await node.release.run()
        released = node.pool.conditions.phase is Phase.RELEASED
        assert bool(w.pod_vnics()) != released
        await trio.sleep(LATE_SECONDS)
        await node.release.run()
    assert w.pod_vnics() == []


async def test_vnic_that_others_detach_at_once_is_replaced(
    autojump_clock: Clock,
) -> None:
    """It is new, and has lost its link: nothing is to be waited for."""
    w = world()
    async with w.node(settings(audit_seconds=3600.0)) as node:
        await until_warm(node)
        (lost,) = w.pod_vnics()
        detach_behind(w, node, lost.id)
        await trio.sleep(0.1)
        lease = await add(node, 1)
        await trio.sleep(30)
        assert w.secondary()[lease.address].vnic_id != lost.id
        assert lost.id not in node.pool.vnics.slots
        assert not node.pool.in_doubt
