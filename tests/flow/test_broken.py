"""Broken pods fail CHECK and are listed in the status."""

import pytest
import trio

from sim.world import World, add, key, settings, until_warm, world
from vcnd.ctl.status_text import describe
from vcnd.flow.broken import broken_pods
from vcnd.flow.reasons import why_broken
from vcnd.model.cause import Cause
from vcnd.model.errors import SandboxBrokenError

Clock = trio.testing.MockClock


def delete_behind(w: World, address: str) -> None:
    """Delete an address's object, as a user does in the console."""
    lost = w.secondary()[address]
    space = w.service.world.space(lost.subnet_id)
    space.give_back(lost.ip_address, lost.prefix_length)
    w.service.world.drop(lost)


async def test_a_pod_without_its_address_fails_check_and_is_listed(
    autojump_clock: Clock,
) -> None:
    w = world(blocks=False)
    async with w.node(settings(audit_seconds=60.0)) as node:
        await until_warm(node)
        lost, well = await add(node, 1), await add(node, 2)
        delete_behind(w, lost.address)
        await trio.sleep(120)
        with pytest.raises(SandboxBrokenError) as caught:
            await node.attacher.check(key(1), 101, [lost.address])
        assert lost.address in caught.value.details
        await node.attacher.check(key(2), 102, [well.address])
        (found,) = broken_pods(node.pool)
        assert (found.lease, found.cause) == (lost, Cause.ADDRESS_GONE)
        report = await node.report()
        assert [b.address for b in report.broken] == [lost.address]
        shown = describe(report)
        assert all(x in shown for x in ("address_gone", "/pod1", why_broken(found)))
        await node.attacher.delete(key(1))
        assert broken_pods(node.pool) == []


async def test_a_pod_on_a_vnic_without_a_link_is_broken(autojump_clock: Clock) -> None:
    w = world()
    async with w.node() as node:
        lease = await add(node, 1)
        node.pool.vnics.set_unlinked(frozenset(node.pool.vnics.slots))
        (found,) = broken_pods(node.pool)
        assert found.cause is Cause.LINK_MISSING
        assert str(found.vnic_id) in why_broken(found)
        with pytest.raises(SandboxBrokenError):
            await node.attacher.check(key(1), 101, [lease.address])


async def test_deleted_addresses_are_found_by_the_first_pod_that_comes(
    autojump_clock: Clock,
) -> None:
    """The first ADD requests an audit; the next pods get addresses that exist."""
    w = world(blocks=False)
    async with w.node(settings(audit_seconds=36_000.0, batch=8)) as node:
        await until_warm(node, free=8)
        await trio.sleep(1000)
        for address in list(w.secondary()):
            delete_behind(w, address)
        lost = await add(node, 1)
        await trio.sleep(10)
        calls = w.calls("ListVnicAttachments")
        leases = [await add(node, n) for n in range(2, 8)]
        assert {x.address for x in leases} <= w.secondary().keys()
        # There was one audit, not one for each pod.
        assert w.calls("ListVnicAttachments") == calls
        assert [b.lease for b in broken_pods(node.pool)] in ([lost], [])


async def test_pods_added_during_an_audit_request_no_second_audit(
    autojump_clock: Clock,
) -> None:
    w = world(blocks=False)
    async with w.node(settings(audit_seconds=36_000.0, batch=8)) as node:
        await until_warm(node, free=8)
        await trio.sleep(1000)
        calls = w.calls("ListVnicAttachments")
        for number in range(1, 6):
            await add(node, number)
            await trio.sleep(0.02)
        await trio.sleep(10)
        assert w.calls("ListVnicAttachments") == calls + 1
