"""Reminders of an open problem become rarer and rarer."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from vcnd.core.reminders import (
    FIRST_SPACING_SECONDS,
    MOST_SPACING_SECONDS,
    Reminders,
)

HOUR = 3600.0


def follow(present: list[bool], seconds: float) -> tuple[list[float], list[float]]:
    """Return the times at which a problem was mentioned, and those of its ends."""
    reminders, began, ended = Reminders[str](), list[float](), list[float]()
    for number, is_there in enumerate(present):
        now = number * seconds
        if is_there and reminders.is_due("x", now):
            reminders.mentioned("x", now)
            began.append(now)
        if not is_there and "x" in reminders.open():
            reminders.close("x")
            ended.append(now)
        reminders.prune(now)
    return began, ended


def test_reminder_intervals_stay_below_an_events_lifetime() -> None:
    began, ended = follow([True] * 480, 30.0)
    assert began == [0.0, 600.0, 1800.0, 4200.0, 7200.0, 10200.0, 13200.0]
    assert ended == []
    assert MOST_SPACING_SECONDS < HOUR


def test_the_end_is_mentioned_once() -> None:
    began, ended = follow([True, True, False, False, False], 30.0)
    assert (began, ended) == ([0.0], [60.0])


def test_problem_that_returns_much_later_is_mentioned_at_once() -> None:
    began, ended = follow([True] + [False] * 100 + [True], 30.0)
    assert (began, ended) == ([0.0, 101 * 30.0], [30.0])


@given(st.lists(st.booleans(), max_size=400))
def test_flapping_problem_is_not_mentioned_more_often(present: list[bool]) -> None:
    began, ended = follow(present, 30.0)
    assert len(ended) <= len(began)
    retry_times = [b - a for a, b in pairwise(began)]
    assert all(pause >= FIRST_SPACING_SECONDS for pause in retry_times)
    assert bool(began) is any(present)
