"""When a subnet is nearly full, and when it no longer is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcnd.core.pressure import LEAN_SECONDS, SubnetPressure, used_part
from vcnd.core.target import Holding, PoolPolicy, balance, lean


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([], 0.0),
        ([("10.1.0.0/24", 0.0)], 0.0),
        ([("10.1.0.0/29", 62.5)], 1.0),  # five of the five that OCI leaves
        ([("10.1.0.0/24", 100.0), ("10.2.0.0/24", 0.0)], 256 / 506),
    ],
)
def test_used_part(blocks: list[tuple[str, float]], expected: float) -> None:
    assert used_part(blocks) == pytest.approx(expected)


def test_pressure_outlasts_what_it_frees() -> None:
    pressure = SubnetPressure(0.9)
    pressure.note("s", 0.85, 0.0)
    assert not pressure.is_pressed("s")
    assert pressure.is_close("s")
    pressure.note("s", 0.9, 0.0)
    assert pressure.is_pressed("s")
    pressure.note("s", 0.3, LEAN_SECONDS - 1)
    assert pressure.is_pressed("s")  # for a while
    pressure.note("s", 0.85, LEAN_SECONDS)
    assert pressure.is_pressed("s")  # and until clearly less is in use
    pressure.note("s", 0.79, LEAN_SECONDS)
    assert not pressure.is_pressed("s")


def test_subnets_that_nobody_uses_are_forgotten() -> None:
    pressure = SubnetPressure(0.9)
    pressure.note("s", 1.0, 0.0)
    pressure.keep_only(["other"])
    assert not pressure.is_pressed("s")


@given(st.floats(0, 1), st.floats(0, 1e9))
def test_switched_off_nothing_is_under_pressure(used: float, now: float) -> None:
    pressure = SubnetPressure(0.0)
    pressure.note("s", used, now)
    assert not pressure.is_pressed("s")


COUNTS = st.integers(0, 200)


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_a_lean_node_holds_what_pods_need(
    free: int, leased: int, cooling: int, in_flight: int, wanted: int
) -> None:
    policy = lean(PoolPolicy(minimum=20, maximum=1000))
    holding = Holding(
        free=free, leased=leased, cooling=cooling, in_flight=in_flight, wanted=wanted
    )
    missing = balance(holding, policy)
    assert missing <= max(0, wanted - free - in_flight)
    if missing < 0:
        assert free + missing >= min(free, max(0, wanted - in_flight))
    if wanted > free + in_flight:
        assert missing > 0
