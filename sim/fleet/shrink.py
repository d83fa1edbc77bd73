"""Leaves out the events that a violation does not need.

Delta debugging (Zeller and Hildebrandt, https://doi.org/10.1109/32.988498): parts of
the schedule are left out, larger ones first, as long as the rest still does it.
"""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from sim.fleet.events import Event, Schedule
from sim.fleet.run import run

MOST_RUNS = 150


def shrunk(schedule: Schedule, most_runs: int = MOST_RUNS) -> Schedule:
    """Return a part of a schedule with whose events the same rule is violated.

    Args:
        schedule: one that violates a rule.
        most_runs: after so many runs the smallest part so far is returned.
    """
    rules = {v.rule for v in run(schedule).violations}

    def violates(events: Sequence[Event]) -> bool:
        found = run(replace(schedule, events=tuple(events))).violations
        return any(v.rule in rules for v in found)

    events = smallest(schedule.events, violates, most_runs)
    return replace(schedule, events=tuple(events))


def smallest(
    events: Sequence[Event],
    violates: Callable[[Sequence[Event]], bool],
    most_runs: int = MOST_RUNS,
) -> list[Event]:
    """Return a part of some events that violates; no event can be left out of it."""
    left, size, runs = list(events), max(1, len(events) // 2), 0
    while left:
        at, smaller = 0, False
        while at < len(left) and runs < most_runs:
            rest = left[:at] + left[at + size :]
            runs += 1
            if violates(rest):
                left, smaller = rest, True
            else:
                at += size
        if runs >= most_runs or (size == 1 and not smaller):
            break
        size = max(1, size // 2)
    return left
