"""A removal answered 404 is done only if the object is gone: it may not be ours."""

import pytest
import trio

from fakeoci.world.resources import Vnic
from sim.world import World, settings, until_warm, world
from tests.flow.test_moved import Kept, ignored
from tests.oci.test_leftovers import fixed, two_nodes
from tests.oci.test_removal import remove_all, vnic_of
from vcnd.model.cause import Cause
from vcnd.model.errors import CloudError, CloudRefusedError
from vcnd.model.ids import VnicId
from vcnd.node import Node

Clock = trio.testing.MockClock
REFUSED = {"status": 404, "code": "NotAuthorizedOrNotFound"}


def refuse(w: World, operation: str, kind: str = "before") -> None:
    """Let one call be answered 404, before or after it is carried out."""
    w.fault(operation, kind, times=1, **REFUSED)


async def attached(w: World, node: Node) -> VnicId:
    await until_warm(node)
    return VnicId(w.pod_vnics()[0].id)


async def test_vnic_that_may_not_be_detached_is_still_known(
    autojump_clock: Clock,
) -> None:
    w, kept = world(), Kept()
    async with w.node(through=kept) as node:
        vnic_id = await attached(w, node)
        refuse(w, "DetachVnic")
        with pytest.raises(CloudRefusedError, match="it is still there") as raised:
            await kept.cloud.detach_vnic(vnic_id)
        assert raised.value.cause is Cause.NOT_AUTHORIZED
        assert w.service.world.get(Vnic, vnic_id).lifecycle_state == "AVAILABLE"


async def test_detachment_that_has_begun_is_awaited_after_a_404(
    autojump_clock: Clock,
) -> None:
    w, kept = world(), Kept()
    async with w.node(through=kept) as node:
        vnic_id = await attached(w, node)
        refuse(w, "DetachVnic", "after")
        await kept.cloud.detach_vnic(vnic_id)
        assert not await kept.cloud.has_vnic(vnic_id)


async def test_vnic_that_no_list_has_meanwhile_is_still_known(
    autojump_clock: Clock,
) -> None:
    """It is so new that it is not found by its OCID either, but IMDS has it."""
    w, kept = world(), Kept()
    async with w.node(through=kept) as node, trio.open_nursery() as nursery:
        vnic_id = await attached(w, node)
        timing = w.service.world.settings.timing
        timing.latencies["DetachVnic"] = 5.0
        refuse(w, "DetachVnic")

        async def lag() -> None:
            await trio.sleep(2)
            timing.consistency_seconds = 30.0

        nursery.start_soon(lag)
        with pytest.raises(CloudRefusedError, match="it is still there"):
            await kept.cloud.detach_vnic(vnic_id)


@pytest.mark.parametrize("kind", ["before", "after"])
async def test_address_is_deleted_only_if_it_is_gone(
    autojump_clock: Clock, kind: str
) -> None:
    w, kept = world(blocks=False), Kept()
    async with w.node(settings(batch=4), through=kept) as node:
        vnic_id = await attached(w, node)
        address = next(iter(node.pool.ledger.private_ips()))
        refuse(w, "DeletePrivateIp", kind)
        try:
            await kept.cloud.delete_addresses(vnic_id, [address], ignored)
        except CloudError:
            refused = True
        else:
            refused = False
        assert refused == (kind == "before")
        assert (address.id in w.service.world.objects) == refused


@pytest.mark.parametrize("operation", ["DetachVnic", "DeletePrivateIp"])
async def test_sweep_says_that_what_it_may_not_remove_stays(
    autojump_clock: Clock, operation: str
) -> None:
    one, _, _ = await two_nodes()
    left = {
        "DetachVnic": [vnic_of(one, name).id for name in ("node1", "node2")],
        "DeletePrivateIp": [(await fixed(one)).id],
    }
    refuse(one, operation)
    report = await remove_all(one, frozenset())
    ((kept, why),) = report.kept.items()
    assert kept in left[operation]
    assert "404" in why
    assert kept in one.service.world.objects
