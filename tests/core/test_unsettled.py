"""Until when an abandoned release may still be carried out."""

from math import inf

from vcnd.core.unsettled import SETTLE_SECONDS, WORK_SECONDS, Unsettled


def test_a_request_is_over_after_some_time() -> None:
    unsettled = Unsettled()
    unsettled.abandon("10.0.0.1", None, 5.0)
    assert not unsettled.is_over("10.0.0.1", 4.0 + SETTLE_SECONDS)
    assert unsettled.is_over("10.0.0.1", 5.0 + SETTLE_SECONDS)
    assert unsettled.is_over("10.0.0.2", 5.0)


def test_what_may_have_a_work_request_waits_for_long() -> None:
    unsettled = Unsettled()
    unsettled.abandon("10.0.0.1", "", 0.0)
    assert unsettled.works() == []
    assert not unsettled.is_over("10.0.0.1", WORK_SECONDS - 1)
    assert unsettled.is_over("10.0.0.1", WORK_SECONDS)


def test_a_work_request_that_runs_is_never_over() -> None:
    unsettled = Unsettled()
    unsettled.abandon("10.0.0.1", "work", 0.0)
    for now in range(0, 100_000, 1000):
        assert unsettled.works() == ["work"]
        unsettled.heard("work", float(now), ended=False)
        assert not unsettled.is_over("10.0.0.1", now + 1000.0)


def test_lists_may_lag_behind_the_end_of_a_work_request() -> None:
    unsettled = Unsettled()
    unsettled.abandon("10.0.0.1", "work", 0.0)
    unsettled.heard("work", 500.0, ended=True)
    assert unsettled.works() == []
    assert not unsettled.is_over("10.0.0.1", 499.0 + SETTLE_SECONDS)
    assert unsettled.is_over("10.0.0.1", 500.0 + SETTLE_SECONDS)


def test_the_next_end_is_told() -> None:
    unsettled = Unsettled()
    assert unsettled.next_in(0.0) == inf
    unsettled.abandon("10.0.0.1", None, 0.0)
    unsettled.abandon("10.0.0.2", "", 0.0)
    assert unsettled.next_in(10.0) == SETTLE_SECONDS - 10
    assert unsettled.next_in(SETTLE_SECONDS) == WORK_SECONDS - SETTLE_SECONDS


def test_what_is_settled_is_dropped() -> None:
    unsettled = Unsettled()
    unsettled.abandon("10.0.0.1", "work", 0.0)
    assert unsettled.settle("10.0.0.1")
    assert not unsettled.settle("10.0.0.1")
    assert unsettled.works() == []
