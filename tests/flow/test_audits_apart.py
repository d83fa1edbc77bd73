"""The audits of kernel and cloud: neither keeps the other from running."""

from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock

from sim.host import MemoryHost
from sim.world import World, add, key, problems, settings, until_warm, world
from vcnd.model.cause import Cause
from vcnd.model.drift import Drift, DriftKind
from vcnd.model.errors import VcndError
from vcnd.model.sandbox import Lease
from vcnd.node import Node

PERIOD = 100.0
"""Of audits; each is up to a fifth earlier or later."""
SETTINGS = settings(batch=4, maximum=4, audit_seconds=PERIOD)


class StubbornHost(MemoryHost):
    """Refuses what it is told to refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: set[str] = set()
        """Links that it does not remove."""
        self.refuses_restore = False

    async def reap(self, host_ifname: str) -> None:
        if host_ifname in self.kept:
            raise VcndError(f"cannot remove {host_ifname}", cause=Cause.KERNEL_REFUSED)
        await super().reap(host_ifname)

    async def restore(self) -> Sequence[Drift]:
        if self.refuses_restore:
            raise VcndError("nft refused the table", cause=Cause.KERNEL_REFUSED)
        return await super().restore()


def stubborn() -> tuple[World, StubbornHost]:
    w, host = world(blocks=False), StubbornHost()
    w.host = host
    return w, host


def lose(w: World, *leases: Lease) -> None:
    """Remove links, as the end of their namespaces does."""
    for lease in leases:
        w.host.links.pop(lease.host_ifname)


def found(node: Node) -> set[tuple[str, str]]:
    return {(p.kind, p.cause) for p in problems(node)}


@pytest.mark.parametrize("away", ["*", "IMDS", "ListVnicAttachments", "ListPrivateIps"])
async def test_lost_sandboxes_lose_their_leases_while_oci_is_away(
    autojump_clock: MockClock, away: str
) -> None:
    w = world(blocks=False)
    async with w.node(SETTINGS) as node:
        await until_warm(node)
        leases = [await add(node, n) for n in range(4)]
        w.fault(away, status=503, times=10**6)
        lose(w, *leases[:3])
        await trio.sleep(2 * PERIOD)
        assert node.pool.ledger.leases() == leases[3:]
        assert ("audit", "server_error") in found(node)
        await add(node, 9)


async def test_lost_leases_are_restored_while_oci_is_away(
    autojump_clock: MockClock,
) -> None:
    w = world(blocks=False)
    async with w.node(SETTINGS) as node:
        await until_warm(node)
        lease = await add(node, 1)
        w.fault("*", status=503, times=10**6)
        kept = w.host.links[lease.host_ifname]
        await node.attacher.delete(key(1))
        w.host.links[lease.host_ifname] = kept  # the DEL did not do it
        await trio.sleep(2 * PERIOD)
        assert [x.addresses for x in node.pool.ledger.leases()] == [lease.addresses]


async def test_kernel_that_refuses_is_told_while_the_cloud_is_audited(
    autojump_clock: MockClock,
) -> None:
    w, host = stubborn()
    async with w.node(SETTINGS) as node:
        await until_warm(node)
        await trio.sleep(PERIOD)
        lease = await add(node, 1)
        host.refuses_restore = True
        lose(w, lease)
        await trio.sleep(2 * PERIOD)
        assert found(node) == {("kernel", "kernel_refused")}
        (problem,) = problems(node)
        assert problem.count > 2
        assert not node.pool.ledger.leases()
        confirmed, calls = node.pool.conditions.confirmed_at, w.calls("IMDS")
        await trio.sleep(10 * PERIOD)
        assert node.pool.conditions.confirmed_at > confirmed + 8 * PERIOD
        # The kernel is tried each 30 s; the cloud is asked at its interval.
        assert w.calls("IMDS") - calls <= 2 * 10
        host.refuses_restore = False
        await trio.sleep(40)
        assert found(node) == set()


async def test_requested_audit_asks_the_cloud_though_the_kernel_refuses(
    autojump_clock: MockClock,
) -> None:
    w, host = stubborn()
    config = settings(batch=4, maximum=4, audit_seconds=10_000.0)
    async with w.node(config) as node:
        await until_warm(node)
        host.refuses_restore = True
        node.pool.signals.request_audit()
        await trio.sleep(60)
        confirmed = node.pool.conditions.confirmed_at
        await trio.sleep(60)
        assert node.pool.conditions.confirmed_at == confirmed
        node.pool.signals.request_audit()
        await trio.sleep(60)
        assert node.pool.conditions.confirmed_at > confirmed


async def test_link_that_stays_keeps_no_lost_sandboxs_lease(
    autojump_clock: MockClock,
) -> None:
    w, host = stubborn()
    async with w.node(SETTINGS) as node:
        await until_warm(node)
        lease = await add(node, 1)
        host.bare["oci0"], host.kept = True, {"oci0"}
        lose(w, lease)
        await trio.sleep(2 * PERIOD)
        assert not node.pool.ledger.leases()
        assert found(node) == {("kernel", "kernel_refused")}
        host.kept = set()
        await trio.sleep(40)
        assert not host.bare
        assert found(node) == set()
        assert node.pool.repairs.counts()[DriftKind.ORPHAN_LINK] == 1
