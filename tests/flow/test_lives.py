"""The daemon ends and starts again: it forgets nothing and disturbs no pod."""

import pytest
import trio

from fakeoci.world.resources import VnicAttachment
from fakeoci.world.vnics import detach
from sim.host import MemoryHost
from sim.invariants import check_invariants
from sim.world import World, add, key, settings, until_warm, world
from vcnd.model.errors import BadRequestError, TryAgainError
from vcnd.model.ids import VnicId
from vcnd.model.records import AttachIntended, Leased
from vcnd.oci.attachments import ATTACHMENT_SECONDS

Clock = trio.testing.MockClock


class ReluctantHost(MemoryHost):
    """Refuses its first withdrawal."""

    asked = 0

    async def withdraw(self) -> None:
        self.asked += 1
        if self.asked == 1:
            raise TryAgainError("the node keeps rp_filter: try again")
        await super().withdraw()


async def test_next_life_keeps_the_leases(autojump_clock: Clock) -> None:
    w = world()
    async with w.node() as node:
        leases = [await add(node, n) for n in range(3)]
    async with w.node() as node:
        assert node.pool.ledger.leases() == leases
        assert await add(node, 1) == leases[1]
        check_invariants(w, node)


async def test_next_life_serves_with_the_cloud_away(autojump_clock: Clock) -> None:
    """I9: the journal is enough for a warm ADD."""
    w = world()
    async with w.node() as node:
        await until_warm(node)
    w.fault("*", "cut", times=10_000)
    async with w.node() as node:
        lease = await add(node, 1)
    assert lease.address in w.secondary()


async def test_next_life_goes_on_cooling(autojump_clock: Clock) -> None:
    w = world()
    config = settings(cooling_seconds=30.0)
    async with w.node(config) as node:
        lease = await add(node, 1)
        await node.attacher.delete(lease.key)
    await trio.sleep(10)
    async with w.node(config) as node:
        assert node.pool.ledger.state(lease.address) == "cooling"
        await trio.sleep(21)
        assert node.pool.ledger.state(lease.address) == "free"


async def test_lease_written_but_never_plugged(autojump_clock: Clock) -> None:
    """Killed between lease and plug: the next life ends the lease."""
    w = world()
    async with w.node() as node:
        lease = await add(node, 1)
    w.host.links.clear()
    assert any(isinstance(r, Leased) for r, _ in w.journal.records)
    async with w.node() as node:
        assert node.pool.ledger.leases() == []
        assert node.pool.ledger.state(lease.address) == "cooling"


async def test_link_of_no_lease_and_no_pod_is_reaped(autojump_clock: Clock) -> None:
    """Another program's link with a name like ours is not reaped (I8)."""
    w = world()
    w.host.bare = {"oci-half-made": True, "oci-of-somebody": False}
    async with w.node():
        assert w.host.bare == {"oci-of-somebody": False}


async def test_attach_in_flight_is_not_repeated(autojump_clock: Clock) -> None:
    """Killed after AttachVnic was sent: the next life gets the same VNIC."""
    w = world()
    async with w.node():
        while not w.pod_vnics():
            await trio.sleep(0.1)
    assert any(isinstance(r, AttachIntended) for r, _ in w.journal.records)
    async with w.node() as node:
        await until_warm(node)
        check_invariants(w, node)
    assert len(w.pod_vnics()) == 1


async def test_attach_that_is_undone_meanwhile_delays_the_next_little(
    autojump_clock: Clock,
) -> None:
    """Its answer was missed, an audit adopted its VNIC, and that one is gone again."""
    w = world()
    async with w.node():
        while not w.pod_vnics():
            await trio.sleep(0.1)
    await trio.sleep(60)
    async with w.node() as node:
        await until_warm(node)
    cloud, (vnic,) = w.service.world, w.pod_vnics()
    (gone,) = (a for a in cloud.all(VnicAttachment) if a.vnic_id == vnic.id)
    detach(cloud, gone.id, None, w.service.clock())
    w.host.lose_link(VnicId(vnic.id))
    await trio.sleep(60)
    began = trio.current_time()
    async with w.node() as node:
        while {v.lifecycle_state for v in w.pod_vnics()} != {"AVAILABLE"}:
            await trio.sleep(0.1)
        await until_warm(node)
        check_invariants(w, node)
    assert trio.current_time() - began < ATTACHMENT_SECONDS


async def test_a_lost_journal_is_made_up_from_the_cloud(autojump_clock: Clock) -> None:
    """I7: tagged VNICs and their addresses are found again, and cool."""
    w = world()
    async with w.node() as node:
        await until_warm(node)
    found = w.secondary().keys()
    w.journal.records.clear()
    async with w.node() as node:
        await until_warm(node)
        check_invariants(w, node)
        assert found <= {a for p in node.pool.ledger.private_ips() for a in p.addresses}
    assert len(w.pod_vnics()) == 1


@pytest.mark.slow
async def test_release_gives_everything_back(autojump_clock: Clock) -> None:
    w = world()
    async with w.node(settings(audit_seconds=0.3)) as node:
        lease = await add(node, 1)
        with pytest.raises(BadRequestError, match="1 pods hold addresses"):
            await node.release.run()
        await node.attacher.delete(lease.key)
        await node.release.run()
        await trio.sleep(600)
        assert node.pool.ledger.counts().total == 0
        with pytest.raises(TryAgainError, match="was released"):
            await add(node, 2)
    assert w.pod_vnics() == []
    assert w.host.withdrawn
    assert w.host.slots == []  # no audit has applied it again
    assert w.journal.removed


async def test_surplus_is_given_back_after_it_stood(autojump_clock: Clock) -> None:
    w = world()
    config = settings(cooling_seconds=1.0, shrink_after_seconds=300.0)
    async with w.node(config) as node:
        for number in range(12):
            await add(node, number)
        await until_warm(node, free=4)
        for number in range(12):
            await node.attacher.delete(key(number))
        await trio.sleep(200)
        assert len(w.secondary()) == 16
        await trio.sleep(200)
        assert len(w.secondary()) == 4
        check_invariants(w, node)


async def test_a_vnic_that_comes_while_an_audit_asks_is_kept(
    autojump_clock: Clock,
) -> None:
    """The audit's lists are older than the newest VNIC of the ledger."""
    w = world({"ocpus = 4.0": "ocpus = 4.0\nprivate_ips_per_vnic = 1"})
    async with w.node(settings(audit_seconds=60.0)) as node:
        await until_warm(node)
        w.fault("ListPrivateIps", "slow", seconds=20.0)
        await trio.sleep(75)  # the audit's call is in flight
        for number in range(5):  # a second VNIC is attached meanwhile
            await add(node, number)
        assert len(node.pool.vnics.pod_slots) == 2
        await trio.sleep(30)
        assert len(node.pool.vnics.pod_slots) == 2
        assert node.pool.vnics.attached == 3
        check_invariants(w, node)


@pytest.mark.slow
async def test_a_vnic_that_goes_while_an_audit_asks_stays_away(
    autojump_clock: Clock,
) -> None:
    w = world({"ocpus = 4.0": "ocpus = 4.0\nprivate_ips_per_vnic = 1"})
    config = settings(
        audit_seconds=50.0, cooling_seconds=1.0, shrink_after_seconds=60.0
    )
    async with w.node(config) as node:
        for number in range(6):
            await add(node, number)
        w.service.world.settings.timing.latencies["ListPrivateIps"] = 9.0
        for number in range(6):
            await node.attacher.delete(key(number))
        for _ in range(200):
            await trio.sleep(1)
            attached = {s.vnic.id for s in node.pool.vnics.pod_slots}
            assert node.pool.vnics.attached <= len(w.vnics())
            if len(w.pod_vnics()) == 1:
                assert attached == {w.pod_vnics()[0].id}
        assert len(w.pod_vnics()) == 1
        check_invariants(w, node)


async def test_a_release_that_the_kernel_refused_is_asked_for_again(
    autojump_clock: Clock,
) -> None:
    w = World(world().service, host=ReluctantHost())
    async with w.node() as node:
        await until_warm(node)
        with pytest.raises(TryAgainError, match="keeps rp_filter"):
            await node.release.run()
        assert not w.journal.removed
        await trio.sleep(60)
        assert w.pod_vnics() == []  # it gets no new ones meanwhile
        await node.release.run()
    assert w.journal.removed
