"""``./vcn bench all``: each bench in a process of its own, one after another.

So none inherits another's namespaces, and one that fails leaves the others' figures:
its aims stand there as not measured, with the reason.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from integration.bench import aims, report

BENCHES = ("datapath", "add", "memory", "start")
KIND = "kind"
"""The bench that needs a cluster: another command measures it."""


@dataclass(slots=True)
class Every:
    """The reports of some benches, and why others have none."""

    reports: list[report.Report] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    elsewhere: dict[str, float] = field(default_factory=dict)
    """Values of aims that another command measured."""

    def aims(self) -> list[aims.Judged]:
        """Return all aims beside the values that were measured."""
        values = dict(self.elsewhere)
        for one in self.reports:
            values |= one.values
        return aims.judged(values, *BENCHES, KIND)

    def as_json(self) -> dict[str, Any]:
        """Return all reports by bench, and all aims."""
        benches: dict[str, Any] = {r.bench: report.as_json(r) for r in self.reports}
        return {
            **benches,
            "failed": self.failed,
            "aims": msgspec.to_builtins(self.aims()),
        }


def run(*, elsewhere: Mapping[str, float], progress: Callable[[str], None]) -> Every:
    """Run all benches; their progress goes to standard error."""
    every = Every(elsewhere=dict(elsewhere))
    for name in BENCHES:
        progress(f"bench {name}")
        command = [sys.executable, "-m", "integration.bench", name, "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        try:
            every.reports.append(report.from_json(json.loads(done.stdout)))
        except ValueError:
            every.failed[name] = f"ended with {done.returncode}; see its output above"
    return every
