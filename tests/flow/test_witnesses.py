"""A pod's address or VNIC is forgotten only if two witnesses lack it."""

import pytest
import trio

from fakeoci.world.resources import VnicAttachment
from fakeoci.world.vnics import detach
from sim.cloud import EPOCH
from sim.invariants import check_invariants
from sim.world import World, add, settings, until_warm, world
from tests.shop import add as shop_add
from tests.shop import reserved, shop, warm
from vcnd.core.requests import FIXED_ADDRESS
from vcnd.flow import status
from vcnd.model.errors import PoolEmptyError
from vcnd.node import Node

Clock = trio.testing.MockClock
NO_SLOT_LEFT = {"ocpus = 4.0": "ocpus = 2.0"}
"""The shape takes the primary VNIC and only one for pods."""


def detach_behind(w: World, node: Node, vnic_id: str) -> None:
    """Detach a VNIC as a user does in the console: its link disappears too."""
    cloud = w.service.world
    (attachment,) = (a for a in cloud.all(VnicAttachment) if a.vnic_id == vnic_id)
    detach(cloud, attachment.id, None, EPOCH + trio.current_time())
    (slot,) = (s for s in node.pool.vnics.pod_slots if s.vnic.id == vnic_id)
    w.host.lose_link(slot.vnic.id)


def hide(w: World, vnic_id: str, seconds: float, *, imds: bool, api: bool) -> None:
    """Hide a VNIC from IMDS or from the API's list for some time."""
    cloud = w.service.world
    (attachment,) = (a for a in cloud.all(VnicAttachment) if a.vnic_id == vnic_id)
    until = EPOCH + trio.current_time() + seconds
    cloud.hidden |= {vnic_id: until} if imds else {}
    cloud.hidden |= {attachment.id: until} if api else {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("imds", "api"),
    [
        pytest.param(True, False, id="imds"),
        pytest.param(False, True, id="attachments"),
        pytest.param(True, True, id="both"),
    ],
)
async def test_a_vnic_missing_from_a_list_once_disturbs_no_pod(
    autojump_clock: Clock, imds: bool, api: bool
) -> None:
    w = world()
    async with w.node(settings(audit_seconds=60.0)) as node:
        await until_warm(node)
        lease = await add(node, 1)
        await trio.sleep(70)  # it is not recent any more
        before, known = dict(node.pool.vnics.slots), node.pool.ledger.private_ips()
        hide(w, w.pod_vnics()[0].id, 60.0, imds=imds, api=api)
        for _ in range(200):
            await trio.sleep(1)
            assert node.pool.vnics.slots == before
            assert node.pool.ledger.private_ips() == known
            assert w.host.slots == list(before.values())
        await node.attacher.check(lease.key, 101, [lease.address])
        assert node.pool.vnics.doubted == frozenset()
        await add(node, 2)
        check_invariants(w, node)
    assert len(w.pod_vnics()) == 1


@pytest.mark.slow
async def test_doubted_vnic_serves_no_new_pod_and_is_audited_soon(
    autojump_clock: Clock,
) -> None:
    w = world(NO_SLOT_LEFT)
    async with w.node(settings(audit_seconds=600.0)) as node:
        await until_warm(node)
        await trio.sleep(70)
        hide(w, w.pod_vnics()[0].id, 3600.0, imds=True, api=True)
        with trio.fail_after(900):
            while not node.pool.vnics.doubted:
                await trio.sleep(1)
        with pytest.raises(PoolEmptyError):
            await add(node, 1)
        w.service.world.hidden.clear()
        with trio.fail_after(60):
            while node.pool.vnics.doubted:
                await trio.sleep(1)
        await add(node, 1)


@pytest.mark.slow
async def test_stale_lists_after_a_restart_remove_nothing(
    autojump_clock: Clock,
) -> None:
    """The daemon restarts seconds after VNIC and addresses were created."""
    w = world(blocks=False)
    async with w.node() as node:
        await until_warm(node)
        lease = await add(node, 1)
        known = node.pool.ledger.private_ips()
    until = EPOCH + trio.current_time() + 30
    for p in w.secondary().values():
        w.service.world.hidden[p.id] = until
    hide(w, w.pod_vnics()[0].id, 20.0, imds=True, api=True)
    async with w.node() as node:
        for _ in range(60):
            await trio.sleep(1)
            assert [s.index for s in node.pool.vnics.pod_slots] == [2]
            assert set(known) <= set(node.pool.ledger.private_ips())
        await node.attacher.check(lease.key, 101, [lease.address])
        await until_warm(node, free=3)
        check_invariants(w, node)


@pytest.mark.slow
async def test_address_missing_from_a_list_is_kept_from_new_pods(
    autojump_clock: Clock,
) -> None:
    w = world(blocks=False)
    async with w.node(settings(audit_seconds=60.0)) as node:
        await until_warm(node)
        await trio.sleep(70)
        hidden = w.secondary()
        until = EPOCH + trio.current_time() + 100
        w.service.world.hidden |= {p.id: until for p in hidden.values()}
        await trio.sleep(80)
        assert node.pool.ledger.counts().doubted == len(hidden)
        lease = await add(node, 1)
        assert lease.address not in hidden
        await trio.sleep(120)
        assert node.pool.ledger.counts().doubted == 0
        assert {p.id for p in hidden.values()} <= node.pool.ledger.ids()


async def test_lost_address_on_another_vnic_works_again(
    autojump_clock: Clock,
) -> None:
    """The new VNIC has another number than the pod's old VNIC."""
    w = world()
    async with w.node(settings(audit_seconds=60.0)) as node:
        lease = await add(node, 1)
        await trio.sleep(70)
        detach_behind(w, node, w.pod_vnics()[0].id)
        await trio.sleep(60)
        (slot,) = node.pool.vnics.pod_slots
        assert slot.index == 3
        assert w.secondary()[lease.address].vnic_id == slot.vnic.id
        assert w.host.moved[lease.host_ifname] == {lease.address: slot.vnic.id}
        await node.attacher.check(lease.key, 101, [lease.address])


async def test_replaced_tags_are_restored(autojump_clock: Clock) -> None:
    w = world()
    async with w.node(settings(audit_seconds=60.0)) as node:
        await until_warm(node)
        lease = await add(node, 1)
        (vnic,) = w.pod_vnics()
        ours, vnic.freeform_tags = vnic.freeform_tags, {"cost-center": "42"}
        await trio.sleep(80)
        assert vnic.freeform_tags == {**ours, "cost-center": "42"}
        assert len(w.pod_vnics()) == 1
        check_invariants(w, node)
        vnic.freeform_tags = {}
        await node.attacher.delete(lease.key)
        await node.release.run()
    assert w.pod_vnics() == []


@pytest.mark.slow
async def test_replaced_tags_of_a_fixed_address_are_restored(
    autojump_clock: Clock,
) -> None:
    """Only its tags distinguish it from others' reserved addresses."""
    w = shop()
    async with warm(w, audit_seconds=60.0) as node:
        lease = await shop_add(node, 1, {FIXED_ADDRESS: "web"})
        await trio.sleep(70)  # it is not recent any more
        (fixed,) = reserved(w)
        ours, fixed.freeform_tags = fixed.freeform_tags, {"cost-center": "42"}
        for _ in range(150):
            await trio.sleep(1)
            assert node.pool.ledger.lost() == set()
            assert node.pool.ledger.counts().doubted == 0
        await node.attacher.check(lease.key, 101, [lease.address])
        assert fixed.freeform_tags == {**ours, "cost-center": "42"}


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param({}, id="slots-left"),
        pytest.param(NO_SLOT_LEFT, id="no-slot-left"),
    ],
)
async def test_vnic_detached_by_others_is_replaced_at_once(
    autojump_clock: Clock, shape: dict[str, str]
) -> None:
    """If the shape takes no more, only an audit finds the free slot."""
    w = world(shape)
    async with w.node(settings(audit_seconds=3600.0)) as node:
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


@pytest.mark.slow
async def test_lost_link_is_reported_and_its_addresses_withheld(
    autojump_clock: Clock,
) -> None:
    """The VNIC exists but the node lacks its link: pods get other addresses."""
    w = world()
    async with w.node(settings(audit_seconds=3600.0)) as node:
        await until_warm(node)
        before = await add(node, 1)
        (slot,) = node.pool.vnics.pod_slots
        w.host.lose_link(slot.vnic.id)
        await trio.sleep(0.1)
        lease = await add(node, 2)
        assert w.secondary()[lease.address].vnic_id != slot.vnic.id
        assert [p.what for p in status.problems(node.pool)] == [
            f"link of {slot.vnic.id}"
        ]
        assert [b.address for b in (await node.report()).broken] == [before.address]
        w.host.find_link(slot.vnic.id)
        await trio.sleep(1)
        assert status.problems(node.pool) == ()
        assert (await node.report()).broken == ()
