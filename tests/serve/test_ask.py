"""vcndctl's output for a daemon's answers."""

import json
import socket
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.answering import answering
from tests.calling import STATUS
from vcnd import ctl
from vcnd.ctl.exits import Exit
from vcnd.ctl.node import describe_express
from vcnd.ctl.status_text import describe
from vcnd.model.cause import Cause
from vcnd.model.status import ExpressStatus, NodeStatus
from vcnd.serve import ask as asking
from vcnd.serve.ask import AskError, answer_of, ask, ask_for
from vcnd.serve.verbs import STATUS as STATUS_VERB

WELL = msgspec.structs.replace(STATUS, problems=(), broken=())


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (b"", "ended before it answered"),
        (b"HTTP/1.1 200 OK\r\n", "no reply of vcnd"),
        (b"0", "no reply of vcnd"),
        (b"0 100\n{}", "cut after 2 of 100 bytes"),
        (b"0 2\n{x", "cannot be read"),
        (b'0 3\n"\x80"', "cannot be read"),
        (b'0 8\n"\\ud800"', "cannot be read"),
        (b"0 3\nNaN", "cannot be read"),
        (b"1 2\n[]", "cannot be read"),
        (b"1 2\n{}", "cannot be read"),
        (b'1 24\n{"msg":"no","details":1}', "no: 1"),
        (b'1 10\n{"msg":""}', "vcnd refused, and gave no reason; exit code 1"),
        (b"0 99999\n" + b"[" * 99_999, "cannot be read"),
    ],
)
def test_malformed_answer_is_one_line(tmp_path: Path, reply: bytes, words: str) -> None:
    path = tmp_path / "s"
    with answering(path, reply), pytest.raises(AskError, match=words) as caught:
        ask(str(path), "VCND_STATUS")
    assert "\n" not in str(caught.value)


def test_vcndctl_names_an_answer_of_another_version(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with answering(path, b"0 2\n{}"):
        done = CliRunner().invoke(ctl.main, ["--socket", str(path), "status"])
    assert done.exit_code == Exit.VERSION
    assert "of one version?" in done.output
    assert len(done.output.splitlines()) == 1


def test_the_state_is_read_as_it_was_told(tmp_path: Path) -> None:
    path, body = tmp_path / "s", msgspec.json.encode(STATUS)
    with answering(path, b"0 %d\n%s" % (len(body), body)):
        assert ask_for(str(path), STATUS_VERB) == STATUS


def test_vcndctl_shows_the_state(tmp_path: Path) -> None:
    path, body = tmp_path / "s", msgspec.json.encode(STATUS)
    with answering(path, b"0 %d\n%s" % (len(body), body)):
        done = CliRunner().invoke(ctl.main, ["--socket", str(path), "status"])
    assert done.exit_code == 0
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    assert lines[0] == "vcnd 2 wrong 1 pod"
    for line in (
        "subnet_full addresses of ocid1.vnic.abcdefghijkl for 12 s, seen 2 times,"
        " last 4 s ago",
        "no room left",
        "address_gone pod default/web 10.1.0.5 is gone",
        "2 …abcdefghijkl 10.1.0.2 02:00:17:00:00:01 own 6 0 10.1.0.0/20",
        "OCI 1 of 4 VNICs are known here",
        "express lane on: 3 pods, 12 flows, 1.2 k packets, 34 by the ordinary path",
        "default/web 10.1.0.5 oci1 not express",
    ):
        assert line in lines


@pytest.mark.parametrize(
    ("state", "code"), [(STATUS, Exit.WRONG), (WELL, Exit.FINE)], ids=["wrong", "well"]
)
@pytest.mark.parametrize("how", [[], ["--json"]], ids=["text", "json"])
def test_status_exits_with_what_it_found(
    tmp_path: Path, state: NodeStatus, code: Exit, how: list[str]
) -> None:
    path, body = tmp_path / "s", msgspec.json.encode(state)
    with answering(path, b"0 %d\n%s" % (len(body), body)):
        command = ["--socket", str(path), "status", "--exit-code", *how]
        done = CliRunner().invoke(ctl.main, command)
    assert done.exit_code == code


def test_the_names_in_json_stay(tmp_path: Path) -> None:
    """The names are an interface: add new ones, and rename none."""
    path, body = tmp_path / "s", msgspec.json.encode(STATUS)
    with answering(path, b"0 %d\n%s" % (len(body), body)):
        command = ["--socket", str(path), "status", "--json"]
        done = CliRunner().invoke(ctl.main, command)
    state = json.loads(done.output)
    counts = "free leased cooling deleting doubted"
    names = {
        "pool": f"{counts} demand target waiting",
        "families": counts,
        "vnics": "index id mac address ipv6 subnet_id subnet_cidr class primary"
        " addresses blocks",
        "leases": "network container_id ifname address addresses host_ifname pod"
        " express",
        "express": "on cause reason pods flows express_packets ordinary_packets",
        "broken": "pod container_id ifname address cause reason",
        "problems": "what kind vnic_id family class name cause reason since_seconds"
        " seconds_ago count retry_seconds",
    }
    assert state.keys() == {
        *(*names, "vnic_limit", "cloud_observed", "trying", "classes", "budget"),
        *("repaired", "version", "up_seconds", "compared_seconds", "policies"),
        *("policy", "draining"),
    }
    state["families"] = state["families"]["IPv4"]
    for part, expected in names.items():
        found = state[part][0] if isinstance(state[part], list) else state[part]
        assert list(found) == expected.split()


OFF = ExpressStatus(
    on=False,
    cause=Cause.SWITCHED_OFF,
    reason="a command switched it off",
    pods=0,
    flows=0,
    express_packets=0,
    ordinary_packets=0,
)
OFF_LINE = "express lane off: switched_off: a command switched it off"


@pytest.mark.parametrize(
    ("verb", "answer", "code", "lines"),
    [
        ("on", STATUS.express, 0, [describe_express(STATUS.express)]),
        ("on", OFF, 1, [OFF_LINE, "vcndctl: the express lane stays off"]),
        ("off", OFF, 0, [OFF_LINE]),
        ("status", STATUS, 0, [describe_express(STATUS.express)]),
    ],
)
def test_vcndctl_switches_the_express_lane(
    tmp_path: Path,
    verb: str,
    answer: ExpressStatus | NodeStatus,
    code: int,
    lines: list[str],
) -> None:
    path, body = tmp_path / "s", msgspec.json.encode(answer)
    with answering(path, b"0 %d\n%s" % (len(body), body)):
        command = ["--socket", str(path), "express", verb]
        done = CliRunner().invoke(ctl.main, command)
    assert done.exit_code == code
    assert done.output.splitlines() == lines


def test_vcndctl_prints_the_express_lane_as_json(tmp_path: Path) -> None:
    path, body = tmp_path / "s", msgspec.json.encode(OFF)
    with answering(path, b"0 %d\n%s" % (len(body), body)):
        command = ["--socket", str(path), "express", "off", "--json"]
        done = CliRunner().invoke(ctl.main, command)
    assert json.loads(done.output) == json.loads(body)


def test_missing_daemon_is_reported(tmp_path: Path) -> None:
    done = CliRunner().invoke(ctl.main, ["--socket", str(tmp_path / "s"), "status"])
    assert done.exit_code == Exit.DOWN
    assert "is vcnd running" in done.output


@pytest.mark.parametrize("verb", ["status", "explain"])
def test_hung_daemon_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setattr(asking, "LOOK_SECONDS", 0.05)
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        arguments = [verb, "web"] if verb == "explain" else [verb]
        done = CliRunner().invoke(ctl.main, ["--socket", str(path), *arguments])
    assert done.exit_code == Exit.HUNG
    assert "did not answer within 0.05 s" in done.output


def test_older_daemon_without_the_verb_is_reported(tmp_path: Path) -> None:
    body = b'{"code":4,"msg":"CNI_COMMAND=VCND_EXPLAIN is no command of CNI"}'
    path = tmp_path / "s"
    with answering(path, b"1 %d\n%s" % (len(body), body)):
        done = CliRunner().invoke(ctl.main, ["--socket", str(path), "explain", "web"])
    assert done.exit_code == Exit.VERSION
    assert "older than vcndctl" in done.output


def test_older_daemon_has_fewer_fields() -> None:
    fields = msgspec.to_builtins(STATUS)
    for added in ("trying", "classes", "budget", "repaired", "version", "policies"):
        del fields[added]
    assert "default/web" in describe(msgspec.convert(fields, NodeStatus))


@given(st.binary(max_size=100) | st.binary(max_size=40).map(b"0 10\n".__add__))
def test_no_answer_breaks_vcndctl(reply: bytes) -> None:
    try:
        answer_of(reply)
    except AskError as error:
        assert "\n" not in str(error)
