"""Placement: the VNIC of missing addresses, and blocks or singles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from vcnd.core.placement import (
    BLOCKS,
    AttachVnic,
    CreateAddresses,
    Inventory,
    NoRoom,
    Releasable,
    VnicRoom,
    pieces,
    plan,
    plan_release,
)
from vcnd.model.family import Family
from vcnd.model.ids import PrivateIpId, VnicId
from vcnd.model.vnic import PrivateIp

rooms = st.lists(st.tuples(st.integers(0, 64), st.integers(0, 64)), max_size=6)


def inventory(
    held_and_limit: list[tuple[int, int]], slots: int, new: int, largest: int = 1
) -> Inventory:
    return Inventory(
        vnics=tuple(
            VnicRoom(vnic_id=VnicId(f"vnic{n}"), held=held, limit=limit)
            for n, (held, limit) in enumerate(held_and_limit)
        ),
        vnic_slots_left=slots,
        new_vnic_limit=new,
        family=Family.IPV4,
        blocks=tuple(b for b in BLOCKS[Family.IPV4] if b <= largest),
    )


@pytest.mark.slow
@given(st.integers(1, 300), rooms, st.integers(0, 5), st.integers(0, 64))
def test_plan_of_singles_creates_exactly_the_missing_addresses(
    missing: int, held_and_limit: list[tuple[int, int]], slots: int, new: int
) -> None:
    have = inventory(held_and_limit, slots, new)
    steps = plan(missing, have)
    creates = {s.vnic_id: s.count for s in steps if isinstance(s, CreateAddresses)}
    for vnic in have.vnics:
        assert 0 <= creates.get(vnic.vnic_id, 0) <= vnic.room
    here = sum(creates.values())
    attaches = sum(isinstance(s, AttachVnic) for s in steps)
    lacking = sum(s.count for s in steps if isinstance(s, NoRoom))
    room = sum(v.room for v in have.vnics)
    assert here == min(missing, room)
    assert attaches == (1 if missing > room and slots and new else 0)
    assert lacking == max(0, missing - room - slots * new)


@given(
    st.integers(1, 300),
    rooms,
    st.integers(0, 5),
    st.integers(0, 64),
    st.sampled_from([1, 4, 16, 256]),
)
def test_blocks_fit_the_room_and_exceed_the_missing_by_a_third_at_most(
    missing: int,
    held_and_limit: list[tuple[int, int]],
    slots: int,
    new: int,
    largest: int,
) -> None:
    have = inventory(held_and_limit, slots, new, largest)
    steps = [s for s in plan(missing, have) if isinstance(s, CreateAddresses)]
    room = {v.vnic_id: v.room for v in have.vnics}
    for step in steps:
        assert len(step.blocks) + step.singles <= room[step.vnic_id]
        assert all(4 <= b <= largest for b in step.blocks)
        assert all(b.bit_count() == 1 for b in step.blocks)
    assert sum(s.count for s in steps) <= missing * 4 / 3


@pytest.mark.parametrize(
    ("missing", "largest", "expected"),
    [
        (1, 256, ((), 1)),
        (3, 256, ((), 3)),
        (8, 256, ((8,), 0)),
        (12, 256, ((8, 4), 0)),
        (31, 256, ((32,), 0)),
        (110, 256, ((128,), 0)),
        (110, 32, ((32, 32, 32, 16), 0)),
        (250, 256, ((256,), 0)),
        (110, 1, ((), 64)),
    ],
)
def test_pieces(
    missing: int, largest: int, expected: tuple[tuple[int, ...], int]
) -> None:
    sizes = [b for b in BLOCKS[Family.IPV4] if b <= largest]
    assert pieces(missing, 64, Family.IPV4, sizes) == expected


@pytest.mark.parametrize(
    ("missing", "room", "expected"),
    [
        (1, 32, ((16,), 0)),
        (16, 32, ((16,), 0)),
        (17, 32, ((256,), 0)),
        (300, 32, ((256, 256), 0)),
        (300, 1, ((256,), 0)),
    ],
)
def test_ipv6_pieces_are_the_smallest_sufficient_blocks(
    missing: int, room: int, expected: tuple[tuple[int, ...], int]
) -> None:
    assert pieces(missing, room, Family.IPV6, BLOCKS[Family.IPV6]) == expected
    assert pieces(missing, 400, Family.IPV6, ()) == ((), missing)


def test_busy_vnic_counts_its_room_before_another_is_attached() -> None:
    have = inventory([(0, 8)], 3, 8)
    busy = replace(have, vnics=tuple(replace(v, busy=True) for v in have.vnics))
    assert plan(8, busy) == []
    assert plan(9, busy) == [AttachVnic()]


def test_the_fullest_vnic_is_filled_first() -> None:
    steps = plan(3, inventory([(1, 8), (7, 8), (0, 8)], 1, 8))
    assert steps == [
        CreateAddresses(VnicId("vnic1"), Family.IPV4, (), 1),
        CreateAddresses(VnicId("vnic0"), Family.IPV4, (), 2),
    ]


vnics_spare = st.lists(
    st.tuples(st.lists(st.sampled_from([32, 30, 29, 26]), max_size=8), st.booleans()),
    min_size=1,
    max_size=4,
)


def spare_of(vnics: list[tuple[list[int], bool]]) -> list[Releasable]:
    return [
        Releasable(
            vnic_id=VnicId(f"vnic{n}"),
            objects=tuple(
                PrivateIp(
                    id=PrivateIpId(f"{n}-{m}"),
                    address=f"10.{n}.{m}.0",
                    vnic_id=VnicId(f"vnic{n}"),
                    prefix_length=prefix,
                )
                for m, prefix in enumerate(prefixes)
            ),
            idle=idle,
        )
        for n, (prefixes, idle) in enumerate(vnics)
    ]


@given(vnics_spare, st.integers(0, 200), st.booleans())
def test_release_never_exceeds_the_surplus(
    vnics: list[tuple[list[int], bool]], surplus: int, may_detach: bool
) -> None:
    have = spare_of(vnics)
    back = plan_release(have, {Family.IPV4: surplus}, may_detach=may_detach)
    whole = {v.vnic_id: v for v in have}.get(back.vnic_id or VnicId(""))
    to_delete = sum(p.size for some in back.objects.values() for p in some)
    assert to_delete + (whole.size(Family.IPV4) if whole else 0) <= surplus
    if whole is not None:
        assert may_detach
        assert whole.idle
        assert len(have) > 1
        assert back.vnic_id not in back.objects


def test_last_idle_vnic_is_detached_first() -> None:
    have = spare_of([([32, 32], False), ([29], True), ([29], True)])
    back = plan_release(have, {Family.IPV4: 20})
    assert back.vnic_id == "vnic2"
    assert back.objects == {VnicId("vnic0"): list(have[0].objects)}


def test_release_keeps_one_vnic() -> None:
    have = spare_of([([29], True), ([29], True)])
    assert plan_release(have, {Family.IPV4: 100}).vnic_id == "vnic1"
    back = plan_release(have[:1], {Family.IPV4: 100})
    assert (back.vnic_id, back.objects) == (
        None,
        {VnicId("vnic0"): [*have[0].objects]},
    )


def test_empty_vnic_is_detached_without_a_surplus() -> None:
    back = plan_release(spare_of([([29], False), ([], True)]), {})
    assert (back.vnic_id, back.objects) == ("vnic1", {})


def test_vnic_needed_by_the_other_family_is_kept() -> None:
    """Its IPv4 addresses are released; its IPv6 block is no surplus."""
    have = spare_of([([29], False), ([29], True)])
    block = PrivateIp(
        id=PrivateIpId("six"),
        address="fd00::",
        vnic_id=VnicId("vnic1"),
        prefix_length=124,
    )
    have[1] = replace(have[1], objects=(*have[1].objects, block))
    back = plan_release(have, {Family.IPV4: 16, Family.IPV6: 15})
    assert back.vnic_id is None
    assert sum(len(some) for some in back.objects.values()) == 2
    back = plan_release(have, {Family.IPV4: 8, Family.IPV6: 16})
    assert (back.vnic_id, back.objects) == ("vnic1", {})
