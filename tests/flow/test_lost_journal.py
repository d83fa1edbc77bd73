"""The journal lost records while pods run: leases are restored from links."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sim.invariants import check_invariants
from sim.world import World, add, key, settings, until_warm, world
from vcnd.core.drift import EndLease, ReapLink, RestoreLease, kernel_drift
from vcnd.model.errors import VcndError
from vcnd.model.family import Family
from vcnd.model.interface import PodLink
from vcnd.model.records import AddressAdded, Leased, Released, VnicNumbered
from vcnd.model.sandbox import UNKNOWN_COOKIE, HostLink, Lease, SandboxKey
from vcnd.node import Node

Clock = trio.testing.MockClock
PODS = range(3)


def forget(w: World, *kinds: type) -> None:
    w.journal.records = [r for r in w.journal.records if not isinstance(r[0], kinds)]


async def start_pods(w: World) -> list[Lease]:
    async with w.node() as node:
        return [await add(node, n) for n in PODS]


def addresses(node: Node) -> set[str]:
    return {x.address for x in node.pool.ledger.leases()}


@pytest.mark.parametrize(
    "lost",
    [
        (Leased,),
        (AddressAdded,),
        (VnicNumbered,),
        (Leased, AddressAdded, VnicNumbered, Released),
    ],
)
@pytest.mark.parametrize("aliases", [True, False])
async def test_running_pods_keep_links_and_addresses(
    autojump_clock: Clock, lost: tuple[type, ...], aliases: bool
) -> None:
    w = world()
    before = await start_pods(w)
    links = dict(w.host.links)
    w.host.aliases = aliases
    forget(w, *lost)
    w.journal.damaged = True
    async with w.node() as node:
        # The leases are restored before the first call.
        assert addresses(node) == {x.address for x in before}
        fresh = [await add(node, n) for n in range(10, 14)]
        assert {x.address for x in fresh}.isdisjoint(x.address for x in before)
        await trio.sleep(700)
        assert links.items() <= w.host.links.items()
        check_invariants(w, node)
        for number, lease in zip(PODS, before, strict=True):
            await node.attacher.check(lease.key, 100 + number, [lease.address])
        # ADD again, ADD with another namespace, DEL, and DEL again.
        assert (await add(node, 0)).address == before[0].address
        told = aliases or Leased not in lost  # else nothing says that it may
        assert await add(node, 0) == replace(before[0], express=told)
        assert (await add(node, 1, netns=999)).address == before[1].address
        for lease in before:
            ended = await node.attacher.delete(lease.key)
            assert ended is not None
            assert ended.address == lease.address
            assert await node.attacher.delete(lease.key) is None
            assert lease.host_ifname not in w.host.links
        await trio.sleep(60)
        assert addresses(node) == {x.address for x in fresh}
    async with w.node() as node:
        assert set(node.pool.ledger.leases()) == set(fresh)


async def test_lost_leases_know_their_sandboxes_again(autojump_clock: Clock) -> None:
    w = world()
    before = await start_pods(w)
    forget(w, Leased)
    async with w.node() as node:
        restored = {
            replace(
                x,
                wiring=HostLink(ifname=x.host_ifname, netns_cookie=UNKNOWN_COOKIE),
            )
            for x in before
        }
        assert set(node.pool.ledger.leases()) == restored


async def test_gc_spares_leases_restored_from_links(
    autojump_clock: Clock,
) -> None:
    w = world()
    before = await start_pods(w)
    forget(w, Leased)
    w.host.aliases = False
    async with w.node() as node:
        await node.kernel_audit.collect_garbage("vcnd", frozenset())
        assert addresses(node) == {x.address for x in before}


@pytest.mark.slow
async def test_kernel_is_left_alone_until_the_cloud_names_the_vnics(
    autojump_clock: Clock,
) -> None:
    """I9: rules without any VNIC would cut the pods off."""
    w = world()
    before = await start_pods(w)
    applied = w.host.applied
    w.journal.records.clear()
    w.fault("*", "cut", times=30)
    async with w.node() as node:
        with pytest.raises(VcndError):
            await add(node, 10)
        assert w.host.applied == applied
        await until_warm(node)
        assert w.host.applied > applied
        assert {x.address for x in before} <= addresses(node)
        check_invariants(w, node)


async def test_kernel_is_left_alone_in_the_life_after_the_loss_too(
    autojump_clock: Clock,
) -> None:
    """Seed 3011145 of 2 nodes: its journal has the leases again, and is whole."""
    w = world()
    await start_pods(w)
    applied = w.host.applied
    (primary, *_) = [r for r in w.journal.records if isinstance(r[0], VnicNumbered)]
    w.journal.records = [primary]
    w.fault("*", "cut", times=60)
    for damaged in (True, False):
        w.journal.damaged = damaged
        async with w.node():
            await trio.sleep(2)
            assert w.host.applied == applied
    async with w.node() as node:
        await until_warm(node)
        check_invariants(w, node)


@pytest.mark.slow
async def test_vnics_keep_their_numbers(autojump_clock: Clock) -> None:
    """Connections' marks have the numbers: another number would misroute packets."""
    w = world({"ocpus = 4.0": "ocpus = 4.0\nprivate_ips_per_vnic = 1"})
    async with w.node() as node:
        for number in range(6):
            await add(node, number)
        await node.attacher.delete(key(0))
        numbers = {s.vnic.id: s.index for s in node.pool.vnics.pod_slots}
    assert len(numbers) > 1
    first, second = sorted(numbers, key=lambda v: numbers[v])[:2]
    numbers[first], numbers[second] = numbers[second], numbers[first]
    w.host.slots = [
        replace(s, index=numbers.get(s.vnic.id, s.index)) for s in w.host.slots
    ]
    w.journal.records.clear()
    async with w.node() as node:
        await trio.sleep(30)
        now = {s.vnic.id: s.index for s in node.pool.vnics.pod_slots}
        assert numbers.items() <= now.items()


async def test_free_addresses_cool_after_a_loss(autojump_clock: Clock) -> None:
    """I3: the time of their last release is unknown."""
    w, config = world(), settings(cooling_seconds=30.0)
    async with w.node(config) as node:
        await add(node, 1)
        released = await add(node, 2)
        await node.attacher.delete(key(2))
    w.journal.records.clear()
    async with w.node(config) as node:
        for number in range(10, 14):
            assert (await add(node, number)).address != released.address
        await trio.sleep(31)
        assert node.pool.ledger.state(released.address) == "free"


async def test_an_address_that_the_books_give_to_another_pod(
    autojump_clock: Clock,
) -> None:
    """The journal lost the end of the older lease, and the newer lease."""
    w = world()
    async with w.node(settings(cooling_seconds=0.0)) as node:
        older = await add(node, 1)
    w.host.links[key(2).container_id] = (
        replace(
            older,
            key=key(2),
            wiring=HostLink(ifname=w.host.host_ifname(key(2)), netns_cookie=102),
        ),
        w.host.links.pop(older.host_ifname)[1],
    )
    async with w.node() as node:
        held = node.pool.ledger.leases()
        assert [(x.key, x.address) for x in held] == [(key(2), older.address)]
        assert len(w.host.links) == 1
    async with w.node() as node:
        assert [x.key for x in node.pool.ledger.leases()] == [key(2)]


names = st.sampled_from(["oci1", "oci2", "oci3", "oci4"])
links = st.builds(
    PodLink,
    host_ifname=names,
    ours=st.booleans(),
    addresses=st.lists(
        st.sampled_from(["10.0.0.1", "10.0.0.2", "fd00::1"]), max_size=2, unique=True
    ).map(tuple),
)
leases = st.builds(
    lambda name, address, wiring: Lease(
        key=SandboxKey("vcnd", name, "eth0"), addresses=(address,), wiring=wiring
    ),
    names,
    st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
    st.none() | names.map(lambda name: HostLink(ifname=name, netns_cookie=1)),
)


@pytest.mark.slow
@given(st.lists(links), st.lists(leases, unique_by=lambda x: x.address), st.sets(names))
def test_one_witness_ends_no_lease(
    there: list[PodLink], books: list[Lease], busy: set[str]
) -> None:
    by_name = {link.host_ifname: link for link in there}
    found = kernel_drift(leases=books, links=by_name, busy=busy, first=Family.IPV4)
    for repair in found:
        match repair:
            case ReapLink(name):
                assert by_name[name].ours
                assert not by_name[name].addresses
                assert name not in {x.host_ifname for x in books if x.wiring} | busy
            case EndLease(lease):
                assert lease.wiring is not None
                assert lease.host_ifname not in by_name.keys() | busy
            case RestoreLease(lease):
                assert by_name[lease.host_ifname].ours
                assert {*lease.addresses} <= {*by_name[lease.host_ifname].addresses}
                # Restoring it would end leases without wiring.
                unwired = [x for x in books if x.wiring is None]
                assert all({*lease.addresses}.isdisjoint(x.addresses) for x in unwired)


@pytest.mark.slow
async def test_free_addresses_cool_after_the_journal_is_gone(
    autojump_clock: Clock,
) -> None:
    """I3: no pod is left whose link would tell that there was a journal."""
    w, config = world(), settings(cooling_seconds=30.0)
    async with w.node(config) as node:
        lease = await add(node, 1)
        await node.attacher.delete(lease.key)
    w.journal.records.clear()
    async with w.node(config) as node:
        await trio.sleep(10)
        assert node.pool.ledger.state(lease.address) == "cooling"
        await trio.sleep(30)
        assert node.pool.ledger.state(lease.address) == "free"


@pytest.mark.slow
async def test_address_cools_whose_pod_ends_before_it_is_known_again(
    autojump_clock: Clock,
) -> None:
    """I3: seed 1003 of a simulation; the first audit comes late."""
    w, config = world(), settings(cooling_seconds=30.0)
    async with w.node(config) as node:
        lease = await add(node, 1)
    w.journal.records.clear()
    w.fault("IMDS", "slow", seconds=50.0)
    async with w.node(config) as node:
        await trio.sleep(45)
        await node.attacher.delete(lease.key)
        ended = trio.current_time()
        while node.pool.ledger.state(lease.address) != "free":
            await trio.sleep(0.5)
        assert trio.current_time() - ended >= 30.0


async def test_address_whose_last_lease_was_lost_cools_down(
    autojump_clock: Clock,
) -> None:
    """I3: the journal knows an earlier pod's end alone, which was long ago."""
    w = world()
    async with w.node() as node:
        first = await add(node, 0)
        await node.attacher.delete(first.key)
        await trio.sleep(100)
        leases = [await add(node, n) for n in range(1, 5)]
        (last,) = [x for x in leases if x.address == first.address]
        await node.attacher.delete(last.key)
    w.journal.records = [
        (record, at)
        for record, at in w.journal.records
        if not (isinstance(record, Leased) and record.lease.key == last.key)
    ]
    w.journal.damaged = True
    async with w.node() as node:
        with trio.move_on_after(20):
            for number in range(10, 20):
                assert (await add(node, number)).address != first.address
