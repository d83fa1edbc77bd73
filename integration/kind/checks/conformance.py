"""Kubernetes' own conformance tests of the network."""

import json

from integration.checking import require
from integration.kind.checks.stage import Stage
from integration.kind.suites import e2e

FOCUS = r"\[sig-network\].*\[Conformance\]"
EXPECTED = 45
"""The number of tests in this version: the check fails if fewer run."""
PROCESSES = 4
LIMIT_SECONDS = 1500


def conformance(stage: Stage) -> str:
    """All ``[sig-network]`` conformance tests of this version pass."""
    result = e2e.run(
        stage.cluster, "e2e", FOCUS, processes=PROCESSES, seconds=LIMIT_SECONDS
    )
    failures = json.dumps(result.failures[:3])
    require(result.ok(result.passed), f"{result.failed} failed: {failures}")
    require(result.ok(EXPECTED), f"{result.passed} ran, and not {EXPECTED}")
    return f"{result.passed} of {EXPECTED} [sig-network] conformance tests passed"
