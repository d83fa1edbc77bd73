"""ADD, DEL and CHECK over the fake cloud, in virtual time."""

import pytest
import trio
from msgspec.structs import replace

from sim.invariants import check_invariants
from sim.world import add, key, settings, until_warm, world
from vcnd.model.errors import PoolEmptyError, SandboxBrokenError
from vcnd.model.sandbox import HostLink, PodRef


@pytest.mark.slow
async def test_burst_on_a_cold_node(autojump_clock: trio.testing.MockClock) -> None:
    """Twenty pods at once on an empty node: all get an address, in few calls."""
    w = world()
    async with w.node() as node, trio.open_nursery() as pods:
        for number in range(20):
            pods.start_soon(add, node, number)
    assert len(node.pool.ledger.leases()) == 20
    check_invariants(w, node)
    assert w.calls("AttachVnic") == 1
    # One VNIC, and at most one block for each reconcile.
    assert w.calls("CreatePrivateIp") <= 3
    assert w.calls() <= 10


async def test_warm_add_takes_no_time(autojump_clock: trio.testing.MockClock) -> None:
    w = world()
    async with w.node() as node:
        await until_warm(node)
        began = trio.current_time()
        lease = await add(node, 1)
        assert trio.current_time() == began
        assert lease.address in w.secondary()


async def test_repeated_add_gives_the_same(
    autojump_clock: trio.testing.MockClock,
) -> None:
    w = world()
    async with w.node() as node:
        first = await add(node, 1)
        assert await add(node, 1) == first
        assert len(w.host.links) == 1


async def test_add_with_a_new_namespace_keeps_the_address(
    autojump_clock: trio.testing.MockClock,
) -> None:
    w = world()
    async with w.node() as node:
        first = await add(node, 1, netns=7)
        again = await add(node, 1, netns=8)
    assert again == replace(
        first, wiring=HostLink(ifname=first.host_ifname, netns_cookie=8)
    )


async def test_released_address_cools(autojump_clock: trio.testing.MockClock) -> None:
    """I3: an address is not leased again before its cooldown ends."""
    # The world has room for one block of four only.
    w = world({"ocpus = 4.0": "ocpus = 2.0\nprivate_ips_per_vnic = 1"})
    async with w.node(settings(cooling_seconds=30.0)) as node:
        await until_warm(node)
        leases = [await add(node, n) for n in range(4)]
        await node.attacher.delete(leases[0].key)
        began = trio.current_time()
        with pytest.raises(PoolEmptyError, match="no free VCN address after 20 s"):
            await add(node, 9)
        again = await add(node, 9)
        assert again.address == leases[0].address
        assert trio.current_time() - began == pytest.approx(30.0, abs=0.1)


async def test_delete_is_idempotent(autojump_clock: trio.testing.MockClock) -> None:
    """I5: DEL succeeds for a sandbox that is gone or never existed."""
    w = world()
    async with w.node() as node:
        lease = await add(node, 1)
        assert await node.attacher.delete(lease.key) == lease
        assert await node.attacher.delete(lease.key) is None
        assert await node.attacher.delete(key(77)) is None


async def test_old_sandbox_does_not_take_a_new_sandboxs_address(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """I6: the DEL of a pod's first sandbox leaves its second one alone."""
    w = world()
    pod = PodRef(namespace="default", name="web-0", uid="u")
    async with w.node() as node:
        old, _ = await node.attacher.add(key(1), pod, 1)
        new, _ = await node.attacher.add(key(2), pod, 2)
        await node.attacher.delete(old.key)
        assert node.pool.ledger.lease_of(new.key) == new


async def test_cancelled_add_leaves_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    w = world()
    w.host.plug_seconds = 100.0
    async with w.node() as node:
        await until_warm(node)
        with trio.move_on_after(1):
            await add(node, 1)
        assert node.pool.ledger.leases() == []
        assert w.host.links == {}


async def test_two_calls_of_one_sandbox_take_turns(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A third call would end the second, which waits (tests/flow/test_calls)."""
    w = world()
    w.host.plug_seconds = 1.0
    async with w.node() as node:
        await until_warm(node)
        async with trio.open_nursery() as calls:
            calls.start_soon(add, node, 1)
            await trio.sleep(0.5)
            calls.start_soon(add, node, 1)
        assert len(node.pool.ledger.leases()) == 1


async def test_check(autojump_clock: trio.testing.MockClock) -> None:
    w = world()
    async with w.node() as node:
        lease = await add(node, 1, netns=7)
        await node.attacher.check(lease.key, 7, [lease.address])
        with pytest.raises(SandboxBrokenError, match="another network namespace"):
            await node.attacher.check(lease.key, 8, [lease.address])
        with pytest.raises(SandboxBrokenError, match="prevResult"):
            await node.attacher.check(lease.key, 7, ["10.9.9.9"])
        w.host.links.clear()
        with pytest.raises(SandboxBrokenError):
            await node.attacher.check(lease.key, 7, [lease.address])
        with pytest.raises(SandboxBrokenError, match="holds no address"):
            await node.attacher.check(key(5), 7, [])


async def test_garbage_collection_keeps_to_its_network(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """GC's list is about one network; leases on other networks stay."""
    w = world()
    async with w.node() as node:
        for number in range(3):
            await add(node, number)
        other, _ = await node.attacher.add(key(9, "other"), PodRef(), 9)
        await node.kernel_audit.collect_garbage(
            "vcnd", frozenset({("container1", "eth0")})
        )
        held = {x.key for x in node.pool.ledger.leases()}
    assert held == {key(1), other.key}


async def test_cooldown_that_ends_during_a_reconcile_is_not_missed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """On a busy machine time passes between the look at the ledger and the wait."""
    w = world()
    async with w.node(settings(cooling_seconds=5.0)) as node:
        await until_warm(node)
        await add(node, 1)
        await node.attacher.delete(key(1))
        began = trio.current_time()
        autojump_clock.jump(5.0)
        assert node._warm_pool._until_next(began) == 0.0
