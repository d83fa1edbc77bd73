"""Kubernetes' own end-to-end tests, run by ginkgo."""

import os
import subprocess

from integration.build import components
from integration.build.components import build
from integration.checking import require
from integration.kind.cluster import Cluster
from integration.kind.settings import state
from integration.kind.suites.results import Result, of_junit


def run(
    cluster: Cluster,
    name: str,
    focus: str,
    *,
    skip: str = "",
    processes: int,
    seconds: int,
) -> Result:
    """Run the tests whose names match.

    Args:
        cluster: where.
        name: of the log and the report in the state's folder.
        focus: pattern of the tests' names.
        skip: pattern of the names of those that are left out.
        processes: how many tests run at once.
        seconds: all of them may take so long.

    Raises:
        CheckError: they wrote no report.
    """
    e2e = build(cluster.cache, components.E2E)
    ginkgo = build(cluster.cache, components.GINKGO)
    report, log = state() / f"{name}.xml", state() / f"{name}.log"
    report.unlink(missing_ok=True)
    command = [
        *(str(ginkgo), f"--procs={processes}", "--no-color", "--silence-skips"),
        *(f"--focus={focus}", f"--timeout={seconds}s", f"--output-dir={state()}"),
        *([f"--skip={skip}"] if skip else []),
        *(f"--junit-report={report.name}", str(e2e), "--"),
        *(f"--kubeconfig={cluster.kubeconfig}", "--provider=local"),
        f"--kubectl-path={build(cluster.cache, components.KUBECTL)}",
        "--dump-logs-on-failure=false",
    ]
    with log.open("wb") as output:
        subprocess.run(
            cluster.docker.wrap(command),
            env={**os.environ, **cluster.environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=seconds + 60,
            check=False,
        )
    require(report.exists(), f"no report; see {log}")
    return of_junit(report, focus)
