"""A release that is asked for before the daemon has compared itself with the cloud."""

import pytest
import trio

from sim.world import settings, until_warm, world
from vcnd.model.errors import CloudError

Clock = trio.testing.MockClock


async def test_release_finds_what_the_journal_has_lost(autojump_clock: Clock) -> None:
    w = world()
    async with w.node(settings()) as node:
        await until_warm(node)
    w.journal.records.clear()
    async with w.node(settings()) as node:
        await node.release.run()
    assert w.pod_vnics() == []
    assert w.journal.removed


@pytest.mark.slow
async def test_release_finds_a_vnic_that_is_being_attached(
    autojump_clock: Clock,
) -> None:
    """The daemon was killed after AttachVnic, and before its answer."""
    w = world()
    async with w.node(settings()):
        with trio.fail_after(60):
            while not w.pod_vnics():
                await trio.sleep(0.01)
    async with w.node(settings()) as node:
        await node.release.run()
        await trio.sleep(600)
    assert w.pod_vnics() == []


@pytest.mark.slow
async def test_release_without_the_cloud_is_refused(autojump_clock: Clock) -> None:
    """It cannot be known what there is; the node goes on serving."""
    w = world()
    async with w.node(settings()) as node:
        await until_warm(node)
    w.fault("ListVnicAttachments", status=500, code="InternalServerError", times=99)
    async with w.node(settings()) as node:
        with pytest.raises(CloudError):
            await node.release.run()
        assert not w.journal.removed
