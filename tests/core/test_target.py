"""The formula of the pool's target."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from vcnd.core.target import Holding, PoolPolicy, balance, target

policies = st.builds(
    PoolPolicy,
    batch=st.integers(1, 64),
    buffer_fraction=st.floats(0, 3),
    minimum=st.integers(0, 50),
    maximum=st.integers(50, 300),
)


@given(st.integers(0, 400), policies)
def test_covers_demand_and_buffer_or_is_the_limit(
    demand: int, policy: PoolPolicy
) -> None:
    wanted = target(demand, policy)
    enough = wanted >= demand + policy.buffer_fraction * policy.batch - 1e-6
    assert enough or wanted == policy.maximum
    assert policy.minimum <= wanted <= policy.maximum


@given(st.integers(0, 400), policies)
def test_grows_with_demand(demand: int, policy: PoolPolicy) -> None:
    assert target(demand, policy) <= target(demand + 1, policy)


@pytest.mark.parametrize(
    ("demand", "wanted"), [(0, 8), (4, 8), (5, 16), (12, 16), (13, 24), (110, 110)]
)
def test_worked_example(demand: int, wanted: int) -> None:
    """The default policy: batches of 8, half a batch beyond demand."""
    assert target(demand, PoolPolicy()) == wanted


@pytest.mark.parametrize(
    "wrong",
    [{"batch": 0}, {"buffer_fraction": -1}, {"minimum": 200}, {"cooling_seconds": -1}],
)
def test_invalid_policies_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).split("_")[0]):
        PoolPolicy(**wrong)  # type: ignore[arg-type]


numbers = st.integers(0, 150)
holdings = st.builds(
    Holding,
    free=numbers,
    leased=numbers,
    cooling=numbers,
    in_flight=numbers,
    wanted=numbers,
)


@given(holdings, policies)
def test_missing_addresses_are_requested_once(
    holding: Holding, policy: PoolPolicy
) -> None:
    missing = balance(holding, policy)
    asked = replace(holding, in_flight=holding.in_flight + max(0, missing))
    assert balance(asked, policy) <= 0


@given(holdings, policies)
def test_cooling_addresses_are_never_surplus(
    holding: Holding, policy: PoolPolicy
) -> None:
    over = -balance(holding, policy)
    assert over <= holding.free


@given(holdings, policies)
def test_usable_addresses_keep_to_the_maximum(
    holding: Holding, policy: PoolPolicy
) -> None:
    missing = balance(holding, policy)
    usable = holding.free + holding.leased + holding.in_flight
    assert missing <= max(0, policy.maximum - usable)


def test_a_pod_that_goes_costs_nothing() -> None:
    policy = PoolPolicy(batch=4)
    before = Holding(free=4, leased=12, cooling=0, in_flight=0, wanted=0)
    assert balance(before, policy) == 0
    after = Holding(free=4, leased=11, cooling=1, in_flight=0, wanted=0)
    assert balance(after, policy) == 0


def test_pods_that_come_and_go_need_more_than_are_leased() -> None:
    policy = PoolPolicy(batch=8)
    churning = Holding(free=0, leased=36, cooling=44, in_flight=0, wanted=2)
    assert balance(churning, policy) == 8
