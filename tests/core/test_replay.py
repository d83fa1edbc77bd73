"""The replay of the journal: a compacted journal gives the same state."""

from math import inf

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from vcnd.core.recent import RECENT_SECONDS
from vcnd.core.replay import Replay
from vcnd.model.ids import PrivateIpId, SubnetId, VnicId
from vcnd.model.records import (
    AddressAdded,
    AddressForgotten,
    AttachIntended,
    AttachSettled,
    DetachIntended,
    DetachSettled,
    DrainSet,
    JournalLost,
    Leased,
    Record,
    Released,
    ReturnIntended,
    ReturnSettled,
    VnicForgotten,
    VnicNumbered,
)
from vcnd.model.sandbox import HostLink, Lease, SandboxKey
from vcnd.model.vnic import PrivateIp, Vnic, VnicSlot

small = st.integers(0, 4)


def key(n: int) -> SandboxKey:
    return SandboxKey("vcnd", f"c{n}", "eth0")


def lease(n: int, a: int, b: int | None = None) -> Lease:
    return Lease(
        key=key(n),
        addresses=(f"10.0.0.{a}",) if b is None else (f"10.0.0.{a}", f"fd00::{b}"),
        wiring=HostLink(ifname="oci", netns_cookie=n) if n else None,
    )


def slot(n: int) -> VnicSlot:
    vnic = Vnic(
        id=VnicId(f"v{n}"),
        mac="02:00:00:00:00:01",
        address="10.0.0.9",
        subnet_id=SubnetId("s"),
        subnet_cidr="10.0.0.0/24",
        virtual_router="10.0.0.1",
    )
    return VnicSlot(index=n, vnic=vnic)


def address(a: int) -> PrivateIp:
    return PrivateIp(
        id=PrivateIpId(f"p{a}"), address=f"10.0.0.{a}", vnic_id=VnicId("v1")
    )


def block(first: str, prefix_length: int, ocid: str = "b") -> PrivateIp:
    return PrivateIp(
        id=PrivateIpId(ocid),
        address=first,
        vnic_id=VnicId("v1"),
        prefix_length=prefix_length,
    )


records: st.SearchStrategy[Record] = st.one_of(
    st.builds(lambda n, a, b: Leased(lease(n, a, b)), small, small, st.none() | small),
    st.builds(lambda n: Released(key(n)), small),
    st.builds(lambda a: AddressAdded(address(a)), small),
    st.builds(lambda a: AddressAdded(block(f"10.0.0.{a & 2}", 31, f"b{a}")), small),
    st.builds(lambda a: AddressForgotten(f"10.0.0.{a}"), small),
    st.builds(lambda n: VnicNumbered(slot(n)), small),
    st.builds(lambda n: VnicForgotten(VnicId(f"v{n}")), small),
    st.builds(lambda n: AttachIntended(f"t{n}"), small),
    st.builds(lambda n: AttachSettled(f"t{n}"), small),
    st.builds(
        lambda a, b, work: ReturnIntended((f"10.0.0.{a}", f"10.0.0.{b}"), work),
        small,
        small,
        st.sampled_from([None, "", "work"]),
    ),
    st.builds(lambda a: ReturnSettled((f"10.0.0.{a}",)), small),
    st.builds(lambda n: DetachIntended(VnicId(f"v{n}")), small),
    st.builds(DrainSet, st.booleans()),
    st.builds(JournalLost),
    st.builds(lambda n: DetachSettled(VnicId(f"v{n}")), small),
)


@given(st.lists(records, max_size=40))
@example([Leased(lease(0, 1)), Leased(lease(1, 1)), Released(key(0))])
def test_compaction_remembers_the_same(sequence: list[Record]) -> None:
    replay = Replay()
    for at, record in enumerate(sequence):
        replay.apply(record, float(at))
    compact = Replay()
    for record, at_ in replay.records(cooled_before=-1.0):
        compact.apply(record, at_)
    now = float(len(sequence))
    before, after = replay.recovered(now), compact.recovered(now)
    assert set(before.returning) <= {p.address for p in before.private_ips}
    assert set(before.leases) == set(after.leases)
    assert set(before.cooling) == set(after.cooling)
    assert replace(before, leases=(), cooling=()) == replace(
        after, leases=(), cooling=()
    )


def test_a_new_boot_ends_leases_and_keeps_addresses() -> None:
    """I3: leased or cooling addresses cool down from the end of the sandboxes."""
    replay = Replay()
    for record in (
        VnicNumbered(slot(2)),
        AddressAdded(address(1)),
        Leased(lease(1, 1)),
        Leased(lease(2, 2)),
        Released(key(2)),
    ):
        replay.apply(record, 5000.0)
    replay.void_leases(0.0)
    state = replay.recovered(10.0)
    assert state.leases == ()
    assert state.private_ips == (address(1),)
    assert set(state.cooling) == {("10.0.0.1", 10.0), ("10.0.0.2", 10.0)}
    assert state.slots == (slot(2),)


def test_a_loss_counts_from_the_boot() -> None:
    """I3: what rested after it rests on; times are seconds since boot."""
    replay = Replay()
    replay.apply(JournalLost(), 5000.0)
    assert replay.recovered(5010.0).lost_ago == 10.0
    replay.void_leases(0.0)
    assert replay.recovered(20.0).lost_ago == 20.0
    assert replay.records(cooled_before=1.0) == []


def test_ages_of_objects_are_those_of_their_first_records() -> None:
    """A VNIC is recorded again when something of it has changed."""
    replay = Replay()
    replay.apply(VnicNumbered(slot(2)), 10.0)
    replay.apply(AddressAdded(address(1)), 20.0)
    replay.apply(AddressAdded(address(2)), 30.0)
    replay.apply(VnicNumbered(slot(2)), 40.0)
    replay.apply(AddressForgotten("10.0.0.1"), 50.0)
    state = replay.recovered(60.0)
    assert state.ages == {"v2": 50.0, "p2": 30.0}
    assert state.forgotten == {"p1": 10.0}


def test_nothing_is_new_after_a_boot() -> None:
    """Times are seconds since boot; and no pod is left that could lose an address."""
    replay = Replay()
    replay.apply(VnicNumbered(slot(2)), 5000.0)
    replay.apply(AddressAdded(address(1)), 5000.0)
    replay.apply(AddressAdded(address(2)), 5000.0)
    replay.apply(AddressForgotten("10.0.0.2"), 5000.0)
    replay.void_leases(0.0)
    compact = Replay()
    for record, at in replay.records(cooled_before=0.0):
        compact.apply(record, at)
    state = compact.recovered(10.0)
    assert all(age > RECENT_SECONDS for age in state.ages.values())
    assert state.ages.keys() == {"v2", "p1"}
    assert state.forgotten == {}


def test_what_was_forgotten_long_ago_does_not_matter() -> None:
    replay = Replay()
    for n in range(100):
        replay.apply(AddressAdded(replace(address(1), id=PrivateIpId(f"p{n}"))), n)
        replay.apply(AddressForgotten("10.0.0.1"), n)
    assert len(replay.recovered(99.0).forgotten) == RECENT_SECONDS
    assert replay.records(cooled_before=100.0) == []


def test_address_that_a_pod_lost_long_ago_is_not_forgotten_lately() -> None:
    """Also after a compaction, which records it as of long ago."""
    replay = Replay()
    replay.apply(AddressAdded(address(1)), 0.0)
    replay.apply(Leased(lease(1, 1)), 0.0)
    replay.apply(AddressForgotten("10.0.0.1"), 0.0)
    replay.apply(AddressAdded(address(2)), 100.0)
    replay.apply(AddressForgotten("10.0.0.2"), 100.0)
    compact = Replay()
    for record, at in replay.records(cooled_before=-inf):
        compact.apply(record, at)
    assert compact.recovered(101.0) == replay.recovered(101.0)
    assert replay.recovered(101.0).forgotten == {"p2": 1.0}


def test_replay_gives_each_address_one_holder() -> None:
    """I1: start-up must never read two leases of one address."""
    replay = Replay()
    for record in (Leased(lease(0, 1)), Leased(lease(1, 1))):
        replay.apply(record, 0.0)
    assert replay.recovered(1.0).leases == (lease(1, 1),)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ([address(5)], block("10.0.0.0", 28)),
        ([block("10.0.0.0", 28)], address(5)),
        ([address(4), address(5)], block("10.0.0.4", 30)),
        ([block("10.0.0.4", 30)], address(4)),
        ([block("10.0.0.0", 30), block("10.0.0.4", 30, "c")], block("10.0.0.0", 28)),
    ],
)
def test_of_objects_with_one_address_the_newest_counts(
    older: list[PrivateIp], newer: PrivateIp
) -> None:
    """The record of the older one's end was lost with a damaged line."""
    replay = Replay()
    for private_ip in older:
        replay.apply(AddressAdded(private_ip), 1.0)
    replay.apply(Leased(lease(1, 5)), 2.0)
    replay.apply(AddressAdded(newer), 3.0)
    state = replay.recovered(4.0)
    assert state.private_ips == (newer,)
    lost = () if "10.0.0.5" in newer.addresses else (("10.0.0.5", "v1"),)
    assert state.lost == lost
    compact = Replay()
    for record, at in replay.records(cooled_before=-inf):
        compact.apply(record, at)
    assert compact.recovered(4.0) == state
