"""Medians, tails, ratios, and the order in which sides take turns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.bench.samples import Samples, median_ratios, percentile, turns

VALUES = st.lists(st.floats(0.1, 1e6), min_size=1, max_size=50)


@given(values=VALUES, percent=st.integers(1, 100))
def test_percentile_is_the_first_value_that_high(
    values: list[float], percent: int
) -> None:
    found = percentile(values, percent)
    assert sum(v <= found for v in values) * 100 >= percent * len(values)
    assert sum(v < found for v in values) * 100 < percent * len(values)


def test_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 50)


def test_sides_take_turns_and_each_begins_as_often() -> None:
    assert list(turns("AB", 2)) == [
        *((0, "B"), (0, "A")),
        *((1, "A"), (1, "B")),
        *((2, "B"), (2, "A")),
    ]


def test_ratio_survives_a_slow_moment_of_the_machine() -> None:
    samples = Samples()
    for slow in (1.0, 1.0, 8.0, 1.0, 3.0):
        samples.add("ours", [1.0 * slow, 1.2 * slow, 9.0 * slow])
        samples.add("theirs", [2.0 * slow, 2.4 * slow, 18.0 * slow])
    ratio = samples.ratio("ours", "theirs")
    assert (ratio.p50, ratio.low, ratio.high) == (0.5, 0.5, 0.5)
    assert samples.summary("ours").samples == 15


@given(factor=st.floats(0.01, 100.0), blocks=st.lists(VALUES, min_size=1, max_size=8))
def test_ratio_is_the_factor_between_two_sides(
    factor: float, blocks: list[list[float]]
) -> None:
    samples = Samples()
    for block in blocks:
        samples.add("ours", [v * factor for v in block])
        samples.add("theirs", block)
    ratio = samples.ratio("ours", "theirs")
    for value in (ratio.low, ratio.p50, ratio.high, ratio.p99):
        assert value == pytest.approx(factor)


def test_sides_with_unlike_many_blocks_are_refused() -> None:
    samples = Samples()
    samples.add("ours", [1.0])
    samples.add("ours", [1.0])
    samples.add("theirs", [1.0])
    with pytest.raises(ValueError, match="shorter"):
        samples.ratio("ours", "theirs")


def test_ratios_are_those_of_sides_that_were_measured() -> None:
    samples = Samples()
    samples.add("one", [1.0])
    samples.add("two", [2.0])
    wanted = {"half": ("rr", "one", "two"), "none": ("rr", "one", "three")}
    assert median_ratios({"rr": samples}, wanted) == {"half": 0.5}
