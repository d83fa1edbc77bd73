"""``vcndctl check`` from outside: it passes, and it names a path that is broken."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from integration.checking import CheckError, require
from integration.kind import install
from integration.kind.checks.stage import Stage
from vcnd.ctl.check.walks import PORT
from vcnd.model.check_report import CheckReport, PathName, Verdict

SECONDS = 400
FAILED = 3
TABLE = "inet broken-on-purpose"
CROSSING = {PathName.CROSS_NODE, PathName.LARGE_PACKETS, PathName.SERVICE}


def check_passes(stage: Stage) -> str:
    """Every path works, and nothing of the check stays."""
    policies = [] if install.enforcement() == "off" else ["--policies"]
    code, report = _check(stage, *policies)
    failed = [f"{x.path}: {x.detail}" for x in report.results if _has_failed(x.verdict)]
    require(code == 0, f"exit code {code}: {'; '.join(failed)}")
    left = stage.kubectl("get", "namespaces", "-o", "name").split()
    # Its end takes a moment; by then it is marked.
    mine = f"namespace/{report.namespace}"
    if mine in left:
        text = stage.kubectl("get", mine, "-o", "jsonpath={.status.phase}")
        require(text == "Terminating", f"{mine} stays, {text}")
    walked = sum(x.verdict is Verdict.OK for x in report.results)
    return f"{walked} paths work, on {' and '.join(report.nodes)}"


def check_names_broken_path(stage: Stage) -> str:
    """A path that a node's firewall breaks fails, and others do not."""
    with _broken(stage, stage.workers[1]):
        code, report = _check(stage)
    failed = {x.path for x in report.results if _has_failed(x.verdict)}
    require(code == FAILED, f"exit code {code} although packets are dropped")
    require(PathName.CROSS_NODE in failed, f"cross_node is not among {failed}")
    others = failed - CROSSING - {PathName.DNS}
    require(not others, f"{others} failed too")
    return f"failed as it should: {', '.join(sorted(failed))}"


@contextmanager
def _broken(stage: Stage, node: str) -> Iterator[None]:
    """Drop packets to the probes' servers that come to a node from others."""
    rule = f'iifname != "oci*" tcp dport {PORT} drop;'
    chain = f"chain forward {{ type filter hook forward priority -300; {rule} }};"
    text = f"table {TABLE} {{ {chain} }}"
    stage.on_node(node, "nft", text)
    try:
        yield
    finally:
        stage.on_node(node, "nft", f"delete table {TABLE}")


def _check(stage: Stage, *options: str) -> tuple[int, CheckReport]:
    """Run vcndctl check on two workers; return its exit code and report."""
    nodes = [f"--node={name}" for name in stage.workers[:2]]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "check.tar.gz"
        command = [
            *(sys.executable, "-m", "vcnd.ctl", "check", "--json", *nodes, *options),
            *(f"--kubeconfig={stage.cluster.kubeconfig}", f"--bundle={file}"),
        ]
        done = subprocess.run(
            stage.cluster.docker.wrap(command),
            capture_output=True,
            check=False,
            env=stage.cluster.environment,
            timeout=SECONDS,
        )
        written = file.exists()
    if done.returncode not in (0, FAILED):
        raise CheckError(f"vcndctl check: {done.stderr.decode()[-300:]}")
    require(written is (done.returncode == FAILED), f"its bundle: {written}")
    return done.returncode, msgspec.json.decode(done.stdout, type=CheckReport)


def _has_failed(verdict: Verdict) -> bool:
    return verdict is Verdict.FAILED
