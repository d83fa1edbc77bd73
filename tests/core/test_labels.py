"""Label values stay within a bound."""

from hypothesis import given
from hypothesis import strategies as st

from vcnd.core.labels import bounded
from vcnd.model.metrics import OTHERS

KEYS = st.tuples(st.text("abc", max_size=2), st.sampled_from(["x", "y"]))


@given(st.dictionaries(KEYS, st.integers(0, 9)), st.integers(0, 4))
def test_labels_are_bounded_and_totals_stay(
    values: dict[tuple[str, ...], float], most: int
) -> None:
    found = bounded(values, most)
    firsts = {first for first, _ in found}
    assert len(firsts - {OTHERS}) <= most
    for second in ("x", "y"):
        totals = [
            sum(n for k, n in v.items() if k[1] == second) for v in (values, found)
        ]
        assert totals[0] == totals[1]


def test_the_first_ones_are_kept() -> None:
    values = {("b",): 1.0, ("a",): 2.0, ("c",): 3.0, ("d",): 4.0}
    assert bounded(values, 2) == {("b",): 1.0, ("a",): 2.0, (OTHERS,): 7.0}
