"""Events that a violation does not need are left out."""

from collections.abc import Sequence

import msgspec
import pytest

from sim.fleet import events as e
from sim.fleet.draw import schedule
from sim.fleet.run import run
from sim.fleet.shrink import shrunk, smallest
from tests.sim.planted_in_nodes import PLANTED

KILLS = [e.Kill(at=float(n), node=0, steps=n) for n in range(100)]


@pytest.mark.parametrize("needed", [{7}, {0, 99}, {3, 50, 51}])
def test_smallest_part_has_the_needed_events_only(needed: set[int]) -> None:
    def violates(events: Sequence[e.Event]) -> bool:
        return {*needed} <= {int(event.at) for event in events}

    assert {int(x.at) for x in smallest(KILLS, violates)} == needed


def test_search_for_a_smaller_part_ends() -> None:
    tries = 0

    def violates(events: Sequence[e.Event]) -> bool:
        nonlocal tries
        tries += 1
        return len(events) == len(KILLS)

    assert smallest(KILLS, violates, most_runs=20) == KILLS
    assert tries == 20


def test_schedule_is_the_same_after_a_file() -> None:
    drawn = schedule(3, nodes=3, seconds=3600.0)
    text = msgspec.json.encode(drawn)
    assert msgspec.json.decode(text, type=e.Schedule) == drawn


@pytest.mark.slow
def test_shrunk_schedule_violates_the_same_rule() -> None:
    drawn = schedule(1, nodes=2, seconds=1200.0)
    with PLANTED["journal order"]():
        smaller = shrunk(drawn)
        found = run(smaller)
    assert {v.rule for v in found.violations} == {"I4"}
    assert len(smaller.events) == 1
