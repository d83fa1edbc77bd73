"""The numbers of chains in connections' marks."""

from hypothesis import given
from hypothesis import strategies as st

from vcnd.core.policy.generations import NUMBERS, OF_OPEN, OF_OTHERS
from vcnd.linux.policy.marks import Marks, numbers_in
from vcnd.model.policy import Direction

IN, OUT = Direction
MARKS = Marks()


def test_numbers_stand_where_the_marks_have_room() -> None:
    marks = Marks(ingress=0xFF, egress=0xFF000000)
    assert marks.stale({IN: {1, 2}, OUT: {3}}) == {
        0xFF: {1, 2},
        0xFF000000: {0x03000000},
    }
    assert marks.known(OUT, 3) == "ct mark & 0xff000000 == 0x03000000 accept"
    assert marks.giving({OUT: 3}) == "ct mark set ct mark & 0x00ffffff | 0x03000000"


def test_numbers_of_both_directions_are_given_at_once() -> None:
    given_both = MARKS.giving(dict.fromkeys(Direction, OF_OTHERS))
    assert given_both == "ct mark set ct mark & 0xff0000ff | 0x00fefe00"


@given(st.sampled_from(Direction), st.sampled_from(sorted({*NUMBERS, OF_OPEN})))
def test_each_number_has_its_bits_and_no_others(
    direction: Direction, number: int
) -> None:
    mark = MARKS.mark(direction, number)
    assert 0 < mark == mark & MARKS.mask(direction)
    assert mark != MARKS.mark(direction, OF_OTHERS)


def test_numbers_are_read_from_the_names_of_chains() -> None:
    names = ["ok_in_7", "ok_in_8", "ok_out_9", "ok_own", "in_1", "accept_in_2"]
    assert numbers_in(names) == {IN: {7, 8}, OUT: {9}}


def test_names_that_only_begin_like_ours_have_no_number() -> None:
    odd = ("x", "", "7x", "-7", "07", " 7", "7_", "\u00b2", "\u0667", "0", "256")
    names = [f"{begin}{end}" for begin in ("ok_in_", "ok_out_") for end in odd]
    assert numbers_in([*names, "ok_in_255", "9" * 5000]) == {IN: {255}, OUT: set()}
