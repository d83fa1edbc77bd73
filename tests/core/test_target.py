"""The pool's formula."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcnd.core.target import PoolPolicy, target

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
def test_nonsense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).split("_")[0]):
        PoolPolicy(**wrong)  # type: ignore[arg-type]
