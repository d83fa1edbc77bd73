"""Whole clusters in virtual time."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from sim.fleet import events as e
from sim.fleet.draw import schedule
from sim.fleet.run import run


@pytest.mark.slow
def test_same_seed_gives_the_same_run() -> None:
    """Also with a second daemon, throttled and repeated calls."""
    drawn = schedule(11, nodes=1, seconds=100.0, pods_per_hour=150.0)
    first, second = run(drawn), run(drawn)
    assert first.added
    assert first.trace == second.trace
    assert first.violations == ()


@pytest.mark.slow
def test_other_seed_gives_another_run() -> None:
    some = [run(schedule(s, nodes=2, seconds=600.0)).trace for s in (1, 2)]
    assert len({*some}) == 2


@pytest.mark.slow
def test_some_seeds_break_no_invariant() -> None:
    for seed in range(1, 9):
        assert run(schedule(seed, nodes=3, seconds=1200.0)).violations == ()


@pytest.mark.slow
def test_second_daemon_on_a_node_is_refused() -> None:
    """I1: seed 6 once found two daemons that gave the same address."""
    pods = [
        e.StartPod(at=60.0 * n, node=0, pod=n, seconds=600.0, kubelet_seconds=0.1)
        for n in range(1, 30)
    ]
    second = e.SecondDaemon(at=300.0, node=0, seconds=900.0)
    drawn = e.Schedule(seed=1, nodes=1, seconds=2000.0, events=(*pods, second))
    found = run(drawn)
    assert found.violations == ()
    assert found.daemons == 2


@pytest.mark.slow
def test_other_processes_run_a_seed_alike() -> None:
    """Whatever was run there before, and whatever order sets of texts have."""
    first = run(schedule(11, nodes=2, seconds=900.0)).trace
    script = (
        "from sim.fleet.draw import schedule; from sim.fleet.run import run;"
        "print(run(schedule(11, nodes=2, seconds=900.0)).trace)"
    )
    for order in ("1", "2"):
        found = subprocess.run(
            [sys.executable, "-c", script],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": order},
            check=True,
            capture_output=True,
            text=True,
        )
        assert found.stdout.strip() == first


FOUND = sorted((Path(__file__).parent / "found").glob("*.json"))


@pytest.mark.slow
@pytest.mark.parametrize("path", FOUND, ids=lambda p: p.stem)
def test_schedule_that_found_a_fault_finds_none_now(path: Path) -> None:
    assert run(msgspec.json.decode(path.read_bytes(), type=e.Schedule)).violations == ()
