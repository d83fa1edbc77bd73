"""Totals of counters that come, go and begin anew."""

from hypothesis import given
from hypothesis import strategies as st

from vcnd.core.policy.drops import Counted, Why
from vcnd.core.policy.tally import MOST_NAMESPACES, OTHERS, Tally, Total
from vcnd.model.policy import Direction

INGRESS = Direction.INGRESS


def counted(
    chain: str, why: Why | None = Why.ISOLATED, namespace: str = "blue"
) -> Counted:
    return Counted(direction=INGRESS, why=why, chain=chain, namespace=namespace)


def total(why: Why | None = Why.ISOLATED, namespace: str = "blue") -> Total:
    return Total(direction=INGRESS, namespace=namespace, why=why)


def test_chains_of_a_namespace_add_up() -> None:
    tally = Tally()
    tally.take({counted("a"): 3, counted("b"): 4, counted("a", None): 9})
    assert tally.totals == {total(): 7, total(None): 9}
    assert tally.dropped == 7


def test_only_what_is_new_is_added() -> None:
    tally = Tally()
    for count in (3, 3, 5):
        tally.take({counted("a"): count})
    assert tally.totals == {total(): 5}


def test_a_counter_that_begins_anew_adds_all_that_it_has() -> None:
    tally = Tally()
    for count in (10, 2, 4):
        tally.take({counted("a"): count})
    assert tally.totals == {total(): 14}


def test_the_last_value_of_a_counter_that_goes_counts() -> None:
    tally = Tally()
    tally.take({counted("a"): 3})
    tally.end({counted("a"): 5})
    tally.take({})
    tally.take({counted("a"): 2})  # its chain came again
    assert tally.totals == {total(): 7}


def test_namespaces_have_a_bound() -> None:
    tally = Tally()
    names = [f"n{i}" for i in range(MOST_NAMESPACES + 10)]
    tally.take({counted("a", namespace=name): 1 for name in names})
    assert len(tally.totals) == MOST_NAMESPACES + 1
    assert tally.totals[total(namespace=OTHERS)] == 10
    assert tally.dropped == len(names)


@given(st.lists(st.integers(0, 5), max_size=30))
def test_totals_never_go_down(counts: list[int]) -> None:
    tally, before = Tally(), 0
    for count in counts:
        tally.take({counted("a"): count})
        assert tally.dropped >= before
        before = tally.dropped
