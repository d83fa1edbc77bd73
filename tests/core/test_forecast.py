"""Forecasts: a pool of the advised settings never runs dry where the past repeats."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcnd.core.forecast import advise, burst, subnet_forecast
from vcnd.core.target import PoolPolicy

POLICY = PoolPolicy()
times = st.lists(st.floats(0, 1000, allow_nan=False), max_size=60)


def runs_dry(arrivals: Sequence[float], free: int, refill: float) -> bool:
    """Let pods take addresses, each replaced after a refill."""
    back: list[float] = []
    for at in sorted(arrivals):
        free += sum(t <= at for t in back)
        back = [t for t in back if t > at]
        if not free:
            return True
        free -= 1
        back.append(at + refill)
    return False


@given(times, st.floats(0.5, 100))
def test_no_pod_waits_with_the_advised_settings(
    arrivals: list[float], refill: float
) -> None:
    advice = advise({"a": arrivals}, {"a": len(arrivals)}, POLICY, refill)
    buffer = math.ceil(advice.buffer_fraction * advice.batch)
    assert not runs_dry(arrivals, buffer, refill)


@given(st.lists(st.integers(0, 300), max_size=60), st.integers(1, 100))
def test_one_address_less_would_run_dry(arrivals: list[int], refill: int) -> None:
    most = burst(arrivals, refill)
    if most:
        assert runs_dry(arrivals, most - 1, refill)


@given(times, st.integers(0, 110))
def test_advised_settings_are_valid(arrivals: list[float], demand: int) -> None:
    advice = advise({"a": arrivals, "b": []}, {"a": demand}, POLICY, 10.0)
    advised = PoolPolicy(batch=advice.batch, buffer_fraction=advice.buffer_fraction)
    assert advised.batch.bit_count() == 1
    assert advice.held_then >= min(demand, advised.maximum)


def test_busiest_node_counts() -> None:
    advice = advise({"a": [1, 2, 3], "b": [1, 100]}, {"a": 3, "b": 2}, POLICY, 10.0)
    assert (advice.burst, advice.batch, advice.buffer_fraction) == (3, 4, 0.75)
    assert (advice.held_now, advice.held_then) == (16, 16)


@pytest.mark.parametrize(
    ("held", "pods", "new", "per_day", "days"),
    [
        (53, 50, 10.0, 10.6, 18.9),
        (101, 50, 10.0, 20.2, 7.5),
        (253, 50, 10.0, 50.6, 0.0),
        (300, 50, 10.0, 60.0, 0.0),
        (53, 50, 0.0, 0.0, None),
        (8, 0, 2.0, 2.0, 122.5),
    ],
)
def test_reserve_of_nodes_grows_with_their_pods(
    held: int, pods: int, new: float, per_day: float, days: float | None
) -> None:
    found = subnet_forecast("10.1.0.0/24", 256, held, pods, new)
    assert found.size == 253
    assert (found.per_day, found.days) == (per_day, days)
