"""An address that others move is not deleted under its new VNIC's pods."""

from collections.abc import Sequence

import pytest
import trio

from fakeoci.world.resources import PrivateIp
from sim.invariants import check_invariants
from sim.world import World, add, settings, until_warm, world
from vcnd.core.states import State
from vcnd.model import vnic as model
from vcnd.model.errors import CloudError
from vcnd.model.ids import PrivateIpId, VnicId
from vcnd.node import Node
from vcnd.ports import Cloud

Clock = trio.testing.MockClock


class Kept:
    """Keeps a node's cloud for the test to call."""

    cloud: Cloud

    def __call__(self, cloud: Cloud) -> Cloud:
        self.cloud = cloud
        return cloud


async def ignored(_work: str | None, _deleted: Sequence[model.PrivateIp]) -> None:
    """Hear of a work request."""


async def delete_after_a_move(*, to_vnic: bool, count: int) -> tuple[World, str]:
    """Delete some addresses of a node of which one has just been moved."""
    w, kept = world(blocks=False, nodes=2), Kept()
    there = w.beside("node2")
    async with w.node(settings(batch=8), through=kept) as node, there.node():
        await until_warm(node, 8)
        with trio.fail_after(600):
            while not there.pod_vnics():
                await trio.sleep(1)
        vnic = w.pod_vnics()[0]
        ids = [p.id for p in w.secondary().values()][:count]
        moved = w.service.world.get(PrivateIp, ids[0])
        w.service.world.assign(moved, there.pod_vnics()[0].id if to_vnic else None)
        held = {p.id: p for p in node.pool.ledger.private_ips()}
        await kept.cloud.delete_addresses(
            VnicId(vnic.id), [held[PrivateIpId(i)] for i in ids], ignored
        )
    return w, moved.id


@pytest.mark.parametrize("count", [1, 3])
async def test_an_address_on_another_vnic_stays(
    autojump_clock: Clock, count: int
) -> None:
    w, moved = await delete_after_a_move(to_vnic=True, count=count)
    assert moved in w.service.world.objects
    assert w.calls("DeletePrivateIp") == count - 1


async def test_a_bulk_deletion_with_a_moved_address_is_refused(
    autojump_clock: Clock,
) -> None:
    with pytest.raises(ExceptionGroup) as raised:
        await delete_after_a_move(to_vnic=True, count=5)
    assert raised.group_contains(CloudError, match="is not an address of")


async def test_an_address_without_a_vnic_is_deleted(autojump_clock: Clock) -> None:
    w, moved = await delete_after_a_move(to_vnic=False, count=1)
    assert moved not in w.service.world.objects


async def two_vnics(w: World, node: Node) -> None:
    """Wait until the node has two pod VNICs, which nothing changes any more."""
    await until_warm(node, 6)
    with trio.fail_after(600):
        while len(w.pod_vnics()) < 2:
            await trio.sleep(1)
    await trio.sleep(120)


def small() -> World:
    few = {"ocpus = 4.0": "ocpus = 4.0\nprivate_ips_per_vnic = 4"}
    return world(few, blocks=False)


def move(w: World, address: str) -> str:
    """Move an address to the node's other pod VNIC, as an operator does."""
    ip = w.secondary()[address]
    there = next(v.id for v in w.pod_vnics() if v.id != ip.vnic_id)
    w.service.world.assign(w.service.world.get(PrivateIp, ip.id), there)
    return there


def vnic_of(node: Node, address: str) -> VnicId:
    """Return the VNIC on which the node's books have an address."""
    held = node.pool.ledger.private_ip(address)
    assert held is not None
    return held.vnic_id


async def test_a_pods_address_is_followed_to_another_vnic(
    autojump_clock: Clock,
) -> None:
    """Its packets must leave by the VNIC that has it: OCI drops them elsewhere."""
    w = small()
    async with w.node(settings(batch=8, audit_seconds=60.0)) as node:
        await two_vnics(w, node)
        lease = await add(node, 1)
        there = move(w, lease.address)
        await trio.sleep(90)
        assert vnic_of(node, lease.address) == there
        assert node.pool.ledger.state(lease.address) is State.LEASED
        assert w.host.moved[lease.host_ifname] == {lease.address: there}
        assert not node.pool.problems
        check_invariants(w, node)
    async with w.node(settings(batch=8)) as node:  # that is durable
        assert vnic_of(node, lease.address) == there


async def test_a_free_address_is_followed_to_another_vnic(
    autojump_clock: Clock,
) -> None:
    w = small()
    async with w.node(settings(batch=8, audit_seconds=60.0)) as node:
        await two_vnics(w, node)
        first, *_ = node.pool.ledger.private_ips()
        there = move(w, first.address)
        await trio.sleep(120)
        leases = [await add(node, n) for n in range(8)]
        assert first.address in {x.address for x in leases}
        assert vnic_of(node, first.address) == there
        check_invariants(w, node)


async def test_a_cooling_address_that_is_moved_cools_on(
    autojump_clock: Clock,
) -> None:
    """I3."""
    w = small()
    config = settings(batch=8, audit_seconds=60.0, cooling_seconds=300.0)
    async with w.node(config) as node:
        await two_vnics(w, node)
        await trio.sleep(300)
        lease = await add(node, 1)
        await node.attacher.delete(lease.key)
        move(w, lease.address)
        await trio.sleep(290)
        assert node.pool.ledger.state(lease.address) is State.COOLING
