"""The suites of network policies: Kubernetes' own, cyclonus, ClusterNetworkPolicy's.

Expected counts are those of the pinned versions: a suite that runs fewer tests, or
leaves one out, fails.
"""

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

import vcnd
from integration.build import components
from integration.build.components import build, source
from integration.checking import CheckError, require
from integration.kind.cluster import Cluster
from integration.kind.docker import DockerError
from integration.kind.images.suites import suites as image
from integration.kind.settings import state
from integration.kind.suites import e2e
from integration.kind.suites.results import Result, of_go_test, of_junit
from vcnd.kube.policy.source import LOOK_AGAIN_SECONDS

E2E_FOCUS = r"\[Feature:NetworkPolicy\]"
NO_SCTP = "SCTPConnectivity"
"""Their agnhost needs SCTP sockets; the other suites run ours (images/suites.py)."""
E2E_SUBSET = (
    r"should (support a 'default-deny-ingress' policy|"
    r"enforce except clause while egress access to server in CIDR block|"
    r"enforce policy based on Multiple PodSelectors and NamespaceSelectors|"
    r"allow egress access on one named port|"
    r"stop enforcing policies after they are deleted) \[Feature:NetworkPolicy\]"
)
CONFORMANCE_SUBSET = (
    "^CNP(AdminTier(IngressTCP|EgressUDP|EgressNamedPort|Integration|PriorityField)"
    "|BaselineTierIngressSCTP)$"
)
CYCLONUS_EVERY = 46
"""The subset is one of so many cases."""
FEATURES = ("ClusterNetworkPolicyNamedPorts",)
"""What is claimed beyond the core: peers by nodes and by domain names are not."""
LEFT = ("x", "y", "z")
"""The namespaces of cyclonus."""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A suite: how it runs, and how many tests it has."""

    run: Callable[[Cluster, "Extent"], Result]
    whole: int
    subset: int


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much of a suite is run, and where its report goes."""

    subset: bool
    report: Path
    """For the conformance profile's report."""


def enforcing(cluster: Cluster) -> None:
    """Raise ``CheckError`` if a node does not enforce policies."""
    for node in cluster.nodes():
        active = ("systemctl", "is-active", "vcnd-policy.service")
        try:
            cluster.docker.run("exec", node, *active)
        except DockerError as error:
            raise CheckError(f"{node}: vcnd-policy does not run: {error}") from error


def run(
    cluster: Cluster, console: Console, names: tuple[str, ...], extent: Extent
) -> dict[str, Result]:
    """Run suites; return their results by name."""
    enforcing(cluster)
    if set(names) & {"cyclonus", "conformance"}:
        cluster.load(image(cluster.cache))
    results: dict[str, Result] = {}
    for name in names:
        began = time.monotonic()
        with console.status(name):
            result = SUITES[name].run(cluster, extent)
        result.seconds = round(time.monotonic() - began, 1)
        results[name] = result
        mark = "[green]ok[/]    " if passed(name, result, extent) else "[red]FAILED[/]"
        console.print(
            f"  {mark} {name}: {result.passed} passed, {result.failed} failed,"
            f" {result.skipped} skipped [dim]{result.seconds:.0f} s[/]"
        )
        for failure in result.failures:
            console.print(f"         {failure}", markup=False)
    return results


def passed(name: str, result: Result, extent: Extent) -> bool:
    """Return True if all tests that a suite has passed."""
    suite = SUITES[name]
    return result.ok(suite.subset if extent.subset else suite.whole)


def _e2e(cluster: Cluster, extent: Extent) -> Result:
    focus = E2E_SUBSET if extent.subset else E2E_FOCUS
    return e2e.run(
        *(cluster, "e2e-policy", focus), skip=NO_SCTP, processes=3, seconds=5400
    )


def _logged(
    cluster: Cluster, name: str, command: list[str], *, seconds: int
) -> tuple[Path, int]:
    """Run a program that reaches the cluster; return its log and its exit code."""
    log = state() / f"{name}.log"
    environment: Mapping[str, str] = {**os.environ, **cluster.environment}
    with log.open("wb") as output:
        done = subprocess.run(
            cluster.docker.wrap(command),
            cwd=state(),
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
    return log, done.returncode


def _cyclonus(cluster: Cluster, extent: Extent) -> Result:
    report = state() / "cyclonus.xml"
    report.unlink(missing_ok=True)
    program = str(build(cluster.cache, components.CYCLONUS))
    command = [program, f"-report={report}"]
    if extent.subset:
        command.append(f"-every={CYCLONUS_EVERY}")
    try:
        log, code = _logged(cluster, "cyclonus", command, seconds=4 * 3600)
    finally:
        with suppress(DockerError):
            cluster.kubectl("delete", "namespace", *LEFT, "--ignore-not-found")
    require(not code and report.exists(), f"it ended with {code}; see {log}")
    return of_junit(report)


def _conformance(cluster: Cluster, extent: Extent) -> Result:
    crds = source("network-policy-api", components.POLICY_API) / "config/crd/standard"
    cluster.kubectl("apply", "--server-side", "-k", str(crds))
    time.sleep(LOOK_AGAIN_SECONDS + 5)  # then each node knows of them
    program = str(build(cluster.cache, components.POLICY_CONFORMANCE))
    extent.report.unlink(missing_ok=True)
    chosen = f"/{CONFORMANCE_SUBSET}" if extent.subset else ""
    command = [
        *(program, "-test.v", f"-test.run=^TestConformanceProfiles$${chosen}"),
        *("-test.timeout=90m", "--conformance-profiles=ClusterNetworkPolicy"),
        f"--supported-features={','.join(FEATURES)}",
        *("--organization=vcnd", "--project=vcnd", "--contact=vcnd"),
        "--url=unpublished",
        f"--version={vcnd.__version__}",
        "--additional-info=./vcn kind policy --suite conformance",
        *(() if extent.subset else (f"--report-output={extent.report}",)),
    ]
    try:
        log, _ = _logged(cluster, "conformance-policy", command, seconds=5400)
    finally:
        cluster.kubectl("delete", "-k", str(crds), "--ignore-not-found")
    return of_go_test(log.read_text(errors="replace"))


SUITES = {
    "e2e": Suite(run=_e2e, whole=45, subset=6),
    "cyclonus": Suite(run=_cyclonus, whole=230, subset=5),
    "conformance": Suite(run=_conformance, whole=22, subset=6),
}
