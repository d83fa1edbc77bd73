"""Where missing addresses come from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcnd.core.placement import (
    SMALLEST_BLOCK,
    AttachVnic,
    CreateAddresses,
    Inventory,
    NoRoom,
    VnicRoom,
    VnicSpare,
    give_back,
    pieces,
    plan,
)
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
        largest_block=largest,
    )


@given(st.integers(1, 300), rooms, st.integers(0, 5), st.integers(0, 64))
def test_a_plan_of_singles_asks_for_what_is_missing_and_no_more(
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
def test_blocks_keep_to_the_room_and_near_to_what_is_missing(
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
        assert all(SMALLEST_BLOCK <= b <= largest for b in step.blocks)
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
    assert pieces(missing, 64, largest) == expected


def test_the_fullest_vnic_is_filled_first() -> None:
    steps = plan(3, inventory([(1, 8), (7, 8), (0, 8)], 1, 8))
    assert steps == [
        CreateAddresses(VnicId("vnic1"), (), 1),
        CreateAddresses(VnicId("vnic0"), (), 2),
    ]


vnics_spare = st.lists(
    st.tuples(st.lists(st.sampled_from([32, 30, 29, 26]), max_size=8), st.booleans()),
    min_size=1,
    max_size=4,
)


def spare_of(vnics: list[tuple[list[int], bool]]) -> list[VnicSpare]:
    return [
        VnicSpare(
            vnic_id=VnicId(f"vnic{n}"),
            spare=tuple(
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
def test_never_more_is_given_back_than_is_over(
    vnics: list[tuple[list[int], bool]], surplus: int, may_detach: bool
) -> None:
    have = spare_of(vnics)
    back = give_back(have, surplus, may_detach=may_detach)
    whole = {v.vnic_id: v for v in have}.get(back.vnic_id or VnicId(""))
    going = sum(p.size for some in back.objects.values() for p in some)
    assert going + (whole.size if whole else 0) <= surplus
    if whole is not None:
        assert may_detach
        assert whole.idle
        assert len(have) > 1
        assert back.vnic_id not in back.objects


def test_the_last_idle_vnic_goes_whole_and_the_next_waits() -> None:
    have = spare_of([([32, 32], False), ([29], True), ([29], True)])
    back = give_back(have, 20)
    assert back.vnic_id == "vnic2"
    assert back.objects == {VnicId("vnic0"): list(have[0].spare)}


def test_one_vnic_stays() -> None:
    have = spare_of([([29], True), ([29], True)])
    assert give_back(have, 100).vnic_id == "vnic1"
    back = give_back(have[:1], 100)
    assert (back.vnic_id, back.objects) == (None, {VnicId("vnic0"): [*have[0].spare]})


def test_an_empty_vnic_goes_though_nothing_is_over() -> None:
    back = give_back(spare_of([([29], False), ([], True)]), 0)
    assert (back.vnic_id, back.objects) == ("vnic1", {})
