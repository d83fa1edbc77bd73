"""Observations by bucket."""

from hypothesis import given
from hypothesis import strategies as st

from vcnd.core.histogram import Histogram

ENDS = (0.1, 1.0, 5.0)


@given(st.lists(st.floats(0, 100)))
def test_each_observation_is_in_the_first_bucket_that_holds_it(
    seen: list[float],
) -> None:
    histogram = Histogram(ENDS)
    for value in seen:
        histogram.observe(value)
    sample = histogram.sample("a")
    below = [sum(x <= end for x in seen) for end in (*ENDS, float("inf"))]
    assert [sum(sample.counts[: n + 1]) for n in range(4)] == below
    assert (sample.labels, sample.value) == (("a",), sum(seen))
