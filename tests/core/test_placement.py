"""Where missing addresses come from."""

from hypothesis import given
from hypothesis import strategies as st

from vcnd.core.placement import (
    AttachVnic,
    CreateAddresses,
    Inventory,
    NoRoom,
    VnicRoom,
    plan,
)
from vcnd.model.ids import VnicId

rooms = st.lists(st.tuples(st.integers(0, 64), st.integers(0, 64)), max_size=6)


def inventory(held_and_limit: list[tuple[int, int]], slots: int, new: int) -> Inventory:
    return Inventory(
        vnics=tuple(
            VnicRoom(vnic_id=VnicId(f"vnic{n}"), held=held, limit=limit)
            for n, (held, limit) in enumerate(held_and_limit)
        ),
        vnic_slots_left=slots,
        new_vnic_limit=new,
    )


@given(st.integers(1, 300), rooms, st.integers(0, 5), st.integers(0, 64))
def test_a_plan_asks_for_what_is_missing_and_no_more(
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


def test_the_fullest_vnic_is_filled_first() -> None:
    steps = plan(3, inventory([(1, 8), (7, 8), (0, 8)], 1, 8))
    assert steps == [
        CreateAddresses(VnicId("vnic1"), 1),
        CreateAddresses(VnicId("vnic0"), 2),
    ]
