"""Kubernetes' own conformance tests of the network."""

import json
import os
import re
import subprocess
import xml.etree.ElementTree as ET

from integration.build import components
from integration.build.components import build
from integration.checking import require
from integration.kind.checks.stage import Stage
from integration.kind.settings import state

FOCUS = r"\[sig-network\].*\[Conformance\]"
EXPECTED = 45
"""The number of tests in this version: the check fails if fewer run."""
PROCESSES = 4
LIMIT_SECONDS = 1500


def conformance(stage: Stage) -> str:
    """All ``[sig-network]`` conformance tests of this version pass."""
    e2e = build(stage.cache, components.E2E)
    ginkgo = build(stage.cache, components.GINKGO)
    report = state() / "junit.xml"
    report.unlink(missing_ok=True)
    command = [
        *(str(ginkgo), f"--procs={PROCESSES}", "--no-color", "--silence-skips"),
        *(f"--focus={FOCUS}", "--timeout=25m", f"--output-dir={state()}"),
        *(f"--junit-report={report.name}", str(e2e), "--"),
        *(f"--kubeconfig={stage.cluster.kubeconfig}", "--provider=local"),
        f"--kubectl-path={build(stage.cache, components.KUBECTL)}",
        "--dump-logs-on-failure=false",
    ]
    with (state() / "e2e.log").open("wb") as log:
        subprocess.run(
            stage.cluster.docker.wrap(command),
            env={**os.environ, **stage.cluster.environment},
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=LIMIT_SECONDS,
            check=False,
        )
    require(report.exists(), f"no report; see {state() / 'e2e.log'}")
    passed: list[str] = []
    failed: list[str] = []
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314
        name = case.get("name", "")
        if not re.search(FOCUS, name) or case.get("status") == "skipped":
            continue
        (passed if case.get("status") == "passed" else failed).append(name)
    require(not failed, f"{len(failed)} failed: {json.dumps(failed[:3])}")
    require(len(passed) == EXPECTED, f"{len(passed)} ran, and not {EXPECTED}")
    return f"{len(passed)} of {EXPECTED} [sig-network] conformance tests passed"
