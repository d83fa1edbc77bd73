"""Numbers that depend on the layout."""

import pytest

from vcnd.linux.layout import Layout
from vcnd.model.vnic import PRIMARY_INDEX

LOW, HIGH = Layout(), Layout(pods_table=500, mark_mask=0x0FF00000)


@pytest.mark.parametrize(
    ("layout", "index", "table", "mark", "strict_mark"),
    [
        (LOW, 1, 254, 0x1, 0x81),
        (LOW, 2, 102, 0x2, 0x82),
        (LOW, 95, 195, 0x5F, 0xDF),
        (HIGH, 1, 254, 0x00100000, 0x08100000),
        (HIGH, 2, 502, 0x00200000, 0x08200000),
    ],
)
def test_table_and_marks_follow_from_the_number(
    layout: Layout, index: int, table: int, mark: int, strict_mark: int
) -> None:
    assert layout.vnic_table(index) == table
    assert layout.mark(index) == mark
    assert layout.strict_mark(index) == strict_mark


@pytest.mark.parametrize(
    ("mask", "numbers", "pod_vnics", "keep"),
    [
        (0xFF, 127, 96, 0xFFFFFF00),
        (0x0FF00000, 127, 96, 0xF00FFFFF),
        (0x1F, 15, 12, 0xFFFFFFE0),
        (0xFFFF0000, 32767, 24576, 0x0000FFFF),
    ],
)
def test_mask_says_how_many_numbers_there_are(
    mask: int, numbers: int, pod_vnics: int, keep: int
) -> None:
    layout = Layout(mark_mask=mask)
    assert layout.most_numbers == numbers
    assert layout.most_pod_vnics == pod_vnics
    assert layout.keep_mask == keep


@pytest.mark.parametrize("layout", [LOW, HIGH])
def test_no_number_has_the_mark_of_the_proof(layout: Layout) -> None:
    numbers = range(layout.most_numbers)
    marks = {m for n in numbers for m in (layout.mark(n), layout.strict_mark(n))}
    assert layout.proof_mark not in marks
    carriers = range(PRIMARY_INDEX + 1, layout.most_numbers)
    assert layout.arrived_mark not in {layout.strict_mark(n) for n in carriers}
    assert layout.arrived_mark not in {layout.mark(n) for n in numbers}


def test_every_priority_of_ours_is_named() -> None:
    assert LOW.priorities == {989, 990, 1000, 1009, 1010, 1020, 1025, 1030}
