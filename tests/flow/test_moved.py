"""An address that others move is not deleted under its new VNIC's pods."""

from collections.abc import Sequence

import pytest
import trio

from fakeoci.world.resources import PrivateIp
from sim.world import World, settings, until_warm, world
from vcnd.model import vnic as model
from vcnd.model.errors import CloudError
from vcnd.model.ids import PrivateIpId, VnicId
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
