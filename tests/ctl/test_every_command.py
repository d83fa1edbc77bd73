"""Every command against a daemon that is down, hung, older or newer: one sentence.

So are those that ask a cluster or the cloud, and those that read a bundle.
"""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from tests.answering import answering_all
from vcnd import ctl
from vcnd.ctl import policy_asking, sweep_reading
from vcnd.ctl.exits import Exit
from vcnd.ctl.kubectl import main as kubectl
from vcnd.serve import ask as asking

SECONDS = 0.2
DAEMON: dict[str, tuple[str, ...]] = {
    "audit": (),
    "drain": (),
    "explain": ("web",),
    "express off": (),
    "express on": (),
    "express status": (),
    "flows": (),
    "metrics": (),
    "path": ("web", "10.0.0.1"),
    "permissions": (),
    "policy dry-run": ("-",),
    "policy explain": ("a", "b", "80"),
    "policy metrics": (),
    "policy show": ("web",),
    "policy status": (),
    "release": (),
    "status": (),
    "top": (),
    "trace last": (),
}
"""The commands that ask a daemon, and their arguments."""
OTHERS = {"bundle", "check", "forecast", "replay", "sweep"}
AS_IT_CAME = {"policy status"}
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: a, namespace: b}
spec: {podSelector: {}}
"""
OLDER = b'{"code": 4, "msg": "CNI_COMMAND is no command of CNI"}'
REFUSED = b'{"code": 11, "msg": "not now", "details": "the disk is full"}'


def leaves(group: click.Command, *names: str) -> Iterator[tuple[str, click.Command]]:
    """Yield the commands, by their names."""
    if not isinstance(group, click.Group):
        yield " ".join(names), group
        return
    for name, command in group.commands.items():
        yield from leaves(command, *names, name)


LEAVES = dict(leaves(ctl.main))


def run(command: str, path: Path, *more: str) -> Result:
    """Run a command that asks the daemons at one socket."""
    group, *rest = [*command.split(), *DAEMON[command], *more]
    of_policy = ("--policy-socket", str(path)) if group == "policy" else ()
    words = ["--socket", str(path), group, *of_policy, *rest]
    return CliRunner().invoke(ctl.main, words, input=POLICY)


def check_sentence(done: Result, code: Exit, words: str) -> None:
    """Check that a command ended with one line on standard error."""
    assert (done.exit_code, done.stdout) == (code, ""), done.output
    (line,) = done.stderr.splitlines()
    assert line.startswith("vcndctl: ")
    assert re.search(words, line), line


def test_every_command_is_in_the_table() -> None:
    assert LEAVES.keys() == DAEMON.keys() | OTHERS


@pytest.mark.parametrize("command", LEAVES)
def test_help_names_exit_codes(command: str) -> None:
    done = CliRunner().invoke(ctl.main, [*command.split(), "--help"])
    text = " ".join(done.output.split())
    assert "Exit code" in text
    if command in DAEMON:
        for code in (Exit.DOWN, Exit.HUNG, Exit.VERSION):
            assert f" {code.value} it " in text or f" {code.value} the " in text


def test_help_of_kubectl_vcnd_names_exit_codes() -> None:
    assert "Exit codes: " in CliRunner().invoke(kubectl, ["--help"]).output


@pytest.mark.parametrize("how", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize("command", DAEMON)
def test_daemon_that_is_down_is_told(
    tmp_path: Path, command: str, how: list[str]
) -> None:
    if command == "release" and how:
        how = []  # it prints no value
    done = run(command, tmp_path / "none", *how)
    check_sentence(done, Exit.DOWN, "none")


@pytest.mark.parametrize("command", DAEMON)
def test_socket_that_nobody_serves_is_told(tmp_path: Path, command: str) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
    check_sentence(run(command, path), Exit.DOWN, "refused|does not listen")


@pytest.mark.parametrize("command", DAEMON)
def test_daemon_that_hangs_is_told(
    hanging: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    for module, name in (
        (asking, "LOOK_SECONDS"),
        (asking, "ANSWER_SECONDS"),
        (policy_asking, "LOOK_SECONDS"),
    ):
        monkeypatch.setattr(module, name, SECONDS)
    check_sentence(run(command, hanging), Exit.HUNG, "did not answer within 0.2 s")


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (b"4 %d\n%s" % (len(OLDER), OLDER), Exit.VERSION, "is older than vcndctl"),
        (b"0 3\n[1]", Exit.VERSION, "of one version"),
        (b"HTTP/1.1 400 Bad Request\r\n", Exit.VERSION, "no reply of vcnd"),
        (b"0 100\n{}", Exit.DOWN, "was cut after 2 of 100 bytes"),
        (b"", Exit.DOWN, "ended before it answered"),
        (b"11 %d\n%s" % (len(REFUSED), REFUSED), Exit.REFUSED, "the disk is full"),
    ],
    ids=["older", "newer", "another program", "cut", "ended", "refused"],
)
@pytest.mark.parametrize("command", DAEMON)
def test_answer_that_is_none_is_told(
    tmp_path: Path, command: str, reply: bytes, code: Exit, words: str
) -> None:
    if command == "release" and code is Exit.VERSION and reply.startswith(b"0"):
        return  # its answer says nothing
    with answering_all(tmp_path / "s", reply):
        check_sentence(run(command, tmp_path / "s"), code, words)


NOWHERE = """\
apiVersion: v1
kind: Config
current-context: a
contexts: [{name: a, context: {cluster: a, user: a}}]
clusters: [{name: a, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: a, user: {token: secret}}]
"""
SWEEP = ("sweep", "--cluster=a", "--compartment=ocid1.compartment.a")


@pytest.mark.parametrize("kubeconfig", [NOWHERE, "", "no: [yaml", None])
@pytest.mark.parametrize("command", [("check",), ("forecast",), SWEEP])
def test_cluster_that_cannot_be_asked_is_told(
    tmp_path: Path, command: tuple[str, ...], kubeconfig: str | None
) -> None:
    path = tmp_path / "kubeconfig"
    if kubeconfig is not None:
        path.write_text(kubeconfig)
    words = [*command, "--kubeconfig", str(path)]
    check_sentence(CliRunner().invoke(ctl.main, words), Exit.REFUSED, "kubeconfig|127")


@pytest.mark.slow
def test_cloud_that_cannot_be_asked_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api_key: Path
) -> None:
    monkeypatch.setattr(sweep_reading, "RETRY_SECONDS", 1.5)
    there = ["--config-file", str(api_key), "--endpoint", "http://127.0.0.1:1"]
    done = CliRunner().invoke(ctl.main, [*SWEEP, "--cluster-gone", *there])
    check_sentence(done, Exit.REFUSED, "OCI does not answer")


def bundle(path: Path, target: Path) -> Result:
    words = ["bundle", str(target), "--no-audit", "--policy-socket", str(path)]
    return CliRunner().invoke(ctl.main, ["--socket", str(path), *words])


def test_bundle_is_written_without_a_daemon(tmp_path: Path) -> None:
    done = bundle(tmp_path / "none", tmp_path / "b.tar.gz")
    assert done.exit_code == Exit.UNSURE
    assert "missing   status.json" in done.output
    assert (tmp_path / "b.tar.gz").stat().st_size


def test_bundle_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    done = bundle(tmp_path / "none", tmp_path / "no" / "b.tar.gz")
    check_sentence(done, Exit.REFUSED, "No such file")


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_truncated_bundle_is_told(tmp_path: Path, part: float) -> None:
    bundle(tmp_path / "none", tmp_path / "whole")
    data = (tmp_path / "whole").read_bytes()
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(data[: int(part * len(data))])
    done = CliRunner().invoke(ctl.main, ["replay", str(cut)])
    check_sentence(done, Exit.REFUSED, "cut.tar.gz")


@pytest.mark.parametrize("content", [b"no bundle", None])
def test_file_that_is_no_bundle_is_told(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "b.tar.gz"
    if content is not None:
        path.write_bytes(content)
    done = CliRunner().invoke(ctl.main, ["replay", str(path)])
    check_sentence(done, Exit.REFUSED, "b.tar.gz")
