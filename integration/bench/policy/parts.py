"""``./vcn bench policy``: its parts, each in a process and in namespaces of its own.

A part that fails leaves the others' figures: its aims stand there as not measured.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from integration.bench import report
from integration.bench.noise import Noise
from integration.bench.policy import changes, cost, faults, footprint, starts
from integration.bench.report import Report
from integration.build.cache import Cache
from integration.kind.suites.policy import SUITES
from integration.lab import enclosure

BENCH = "policy"
MODULE = "integration.bench.policy.parts"
Say = Callable[[str], None]


def _changes(directory: Path, cache: Cache, say: Say) -> Report:
    return changes.measure(directory, cache, changes.Counts(ours=50, theirs=4), say)


def _cost(directory: Path, cache: Cache, say: Say) -> Report:
    return cost.report(directory, cache, rounds=60, progress=say)


def _memory(directory: Path, cache: Cache, say: Say) -> Report:
    return footprint.measure(directory, cache, churn=10_000, progress=say)


def _starts(directory: Path, cache: Cache, say: Say) -> Report:
    return starts.measure(directory, cache, each=300, progress=say)


PARTS: dict[str, Callable[[Path, Cache, Say], Report]] = {
    "changes": _changes,
    "cost": _cost,
    "memory": _memory,
    "starts": _starts,
    "faults": faults.measure,
}
"""Part → what measures it."""


def of_suites(suites: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Return Q1's values: how many tests of each suite have not passed.

    Args:
        suites: ``suites`` of what ``./vcn kind policy --json`` printed.
    """
    return {
        f"q1_{name}_not_passed": SUITES[name].whole - int(result["passed"])
        for name, result in suites.items()
    }


def run(parts: Sequence[str], elsewhere: Mapping[str, float], say: Say) -> Report:
    """Run parts one after another; their progress goes to standard error.

    Args:
        parts: names in ``PARTS``.
        elsewhere: values of aims that another command measured.
        say: is told which part runs.
    """
    reports, missing = list[Report](), dict[str, str]()
    for part in parts:
        say(f"bench policy: {part}")
        # Ours, not the part's: it may be killed.
        with tempfile.TemporaryDirectory(prefix="vcnd-bench-") as directory:
            command = [sys.executable, "-m", MODULE, part, directory]
            done = subprocess.run(
                command, stdout=subprocess.PIPE, text=True, check=False
            )
        try:
            reports.append(report.from_json(json.loads(done.stdout)))
        except ValueError:
            missing[part] = f"ended with {done.returncode}; see its output above"
    return merged(reports, missing, elsewhere)


def merged(
    reports: Sequence[Report], missing: dict[str, str], elsewhere: Mapping[str, float]
) -> Report:
    """Return one report of all parts; its noise is that of the noisiest part."""
    quiet = Noise(
        loop_us=0.0,
        loop_spread=0.0,
        on_processor_percent=100.0,
        steal_percent=0.0,
        busy_percent=0.0,
    )
    noises = [one.noise for one in reports]
    values = dict(elsewhere)
    for one in reports:
        values |= one.values
        missing |= one.missing
    return Report(
        bench=BENCH,
        rows=[found for one in reports for found in one.rows],
        values=values,
        noise=max(noises, key=lambda n: n.loop_spread, default=quiet),
        missing=missing,
    )


def main() -> None:
    """Measure a part, in a folder; print its report as JSON."""
    part, directory = sys.argv[1:]
    enclosure.enter(MODULE, sys.argv[1:])
    cache = Cache(Console(stderr=True))
    found = PARTS[part](Path(directory), cache, _say)
    json.dump(report.as_json(found), sys.stdout)


def _say(words: str) -> None:
    Console(stderr=True).print(f"  {words}", highlight=False)


if __name__ == "__main__":
    main()
