"""The simulator finds bugs of each kind that is planted."""

import pytest

from sim.fleet.draw import schedule
from sim.fleet.run import run
from tests.sim.planted_in_nodes import PLANTED

SEEDS = range(1, 51)
FINDS = {
    "journal order": ("I4", 1),
    "cooldown": ("I3", 5),
    "retry token": ("I7", 10),
    "stale DEL": ("I9", 1),
    "adoption": ("settled", 6),
    "others": ("settled", 3),
    "limiter": ("I15", 5),
    "pause": ("I10", 1),
    "hold": ("I13", 22),
    "generation": ("policies", 13),
}
"""The rule that each bug breaks, and a seed that finds it."""


def rules(seed: int, planted: str) -> set[str]:
    with PLANTED[planted]():
        found = run(schedule(seed, nodes=2, seconds=1200.0))
    return {violation.rule for violation in found.violations}


@pytest.mark.slow
@pytest.mark.parametrize("planted", PLANTED)
def test_seed_finds_the_planted_bug(planted: str) -> None:
    """The seed finds nothing without it."""
    rule, seed = FINDS[planted]
    assert rules(seed, planted) == {rule}
    assert run(schedule(seed, nodes=2, seconds=1200.0)).violations == ()


@pytest.mark.slow
@pytest.mark.parametrize("planted", PLANTED)
def test_fifty_seeds_find_the_planted_bug(planted: str) -> None:
    """Whichever they are: the seeds above may no longer do after a change."""
    assert any(rules(seed, planted) for seed in SEEDS)
