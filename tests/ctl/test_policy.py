"""``vcndctl policy``: what it asks, what it prints, and how it ends."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from tests.answering import answering
from tests.ctl.samples import (
    AGREES_TEXT,
    DIFFERS_TEXT,
    ELSEWHERE,
    HELD,
    POD,
    POD_TEXT,
    STATUS,
    STATUS_TEXT,
    TRIED,
    TRIED_TEXT,
    explained,
)
from vcnd.ctl import main
from vcnd.ctl.exits import Exit
from vcnd.model.policy_answers import ExplainAnswer


def run(
    folder: Path, answer: msgspec.Struct | bytes, *words: str
) -> tuple[Result, bytes]:
    """Return how it ended, and what was asked."""
    path = folder / "s"
    reply = answer
    if isinstance(answer, msgspec.Struct):
        body = msgspec.json.encode(answer)
        reply = b"0 %d\n%s" % (len(body), body)
    assert isinstance(reply, bytes)
    command = ["policy", "--policy-socket", str(path), *words]
    with answering(path, reply) as asked:
        done = CliRunner().invoke(main, command)
    path.unlink()
    return done, asked[0]


def question(asked: bytes) -> Any:
    """Return what a request asks in JSON."""
    return json.loads(asked[asked.index(b"\0") + 1 :])


@pytest.mark.parametrize("words", [("shop/web",), ("show", "shop/web")])
def test_a_pod_is_shown_by_its_name_alone(tmp_path: Path, words: tuple[str]) -> None:
    done, asked = run(tmp_path, POD, *words)
    assert (done.exit_code, done.output) == (0, POD_TEXT)
    assert b"CNI_COMMAND=VCND_POLICY_SHOW" in asked
    assert question(asked) == {"pod": "shop/web"}


def test_a_held_pod_and_one_elsewhere_are_told_apart(tmp_path: Path) -> None:
    held = run(tmp_path, HELD, "web")[0].output.splitlines()
    assert held[1] == "HELD        all its packets are dropped: it is new"
    assert held[2] == "ingress     held"
    ajar = replace(HELD, held="", ajar="it is new")
    ajar_text = run(tmp_path, ajar, "web")[0].output.splitlines()
    assert ajar_text[1] == "NOT KNOWN   all its packets are accepted: it is new"
    assert ajar_text[2] == "ingress     open"
    elsewhere = run(tmp_path, ELSEWHERE, "web")[0].output
    assert "not on this node" in elsewhere
    assert "kernel" not in elsewhere


@pytest.mark.parametrize(
    ("answer", "words", "code", "text"),
    [
        (explained(), [], 0, AGREES_TEXT),
        (explained(agrees=False), [], 3, DIFFERS_TEXT),
        (explained(agrees=False), ["--exit-code"], 3, DIFFERS_TEXT),
    ],
)
def test_verdict_is_printed(
    tmp_path: Path, answer: ExplainAnswer, words: list[str], code: int, text: str
) -> None:
    done, asked = run(tmp_path, answer, "explain", "till", "web", "80", *words)
    assert (done.exit_code, done.output) == (code, text)
    assert question(asked) == {
        "source": "till",
        "destination": "web",
        "protocol": "TCP",
        "port": 80,
    }


def test_an_address_that_may_be_a_services_is_noted(tmp_path: Path) -> None:
    (found,) = explained(agrees=None).connections
    for sides, notes in (((), 1), (found.sides, 0)):
        answer = ExplainAnswer(connections=(replace(found, sides=sides),))
        done, _ = run(tmp_path, answer, "explain", "till", "10.0.0.1", "80")
        assert done.output.count("10.0.0.1 is no pod's address") == notes


@pytest.mark.parametrize(
    ("answer", "words", "code"),
    [
        (explained(allowed=False, agrees=None), [], 0),
        (explained(allowed=False, agrees=None), ["--exit-code"], 4),
        (explained(allowed=False), ["--exit-code", "--json"], 4),
        (explained(agrees=False), ["--json"], 3),
        (explained(agrees=None), ["--exit-code"], 0),
    ],
)
def test_exit_code_says_denied_only_if_it_is_asked_for(
    tmp_path: Path, answer: ExplainAnswer, words: list[str], code: int
) -> None:
    done, _ = run(tmp_path, answer, "explain", "till", "web", "80", *words)
    assert done.exit_code == code


@pytest.mark.parametrize(
    ("text", "protocol", "port"),
    [
        ("80", "TCP", 80),
        ("53/udp", "UDP", 53),
        ("7777/SCTP", "SCTP", 7777),
        ("icmp", None, 0),
    ],
)
def test_port_has_a_protocol(
    tmp_path: Path, text: str, protocol: str | None, port: int
) -> None:
    done, asked = run(tmp_path, explained(port=port), "explain", "a", "b", text)
    assert done.exit_code == 0
    found = question(asked)
    assert (found["protocol"], found["port"]) == (protocol, port)


@pytest.mark.parametrize("text", ["0", "65536", "http", "80/x", "", "²", "-1"])
def test_a_port_that_is_none_is_refused_before_it_is_asked(text: str) -> None:
    done = CliRunner().invoke(main, ["policy", "explain", "a", "b", "--", text])
    assert done.exit_code == 2
    assert "say 80, 53/udp, 7777/sctp or icmp" in done.output


def test_connections_that_would_be_denied_are_a_table(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        "metadata: {name: closed}\nspec: {podSelector: {}}\n"
    )
    done, asked = run(tmp_path, TRIED, "dry-run", str(file), "--most", "2")
    assert (done.exit_code, done.output) == (0, TRIED_TEXT)
    found = question(asked)
    assert found["most"] == 2
    assert [x["metadata"] for x in found["objects"]] == [{"name": "closed"}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: [", "line 1: "),
        ("a: 1\n---\nkind: Pod\n", "line 1: kind: None of None"),
        (
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
            "metadata: {name: x}\nspec:\n  policyTypes:\n  - Side\x1bways\n",
            "special characters",
        ),
        (
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
            "metadata: {name: x}\nspec:\n  policyTypes:\n  - Sideways\n",
            "line 6: spec.policyTypes[0]: 'Sideways'",
        ),
    ],
)
def test_a_bad_file_is_named_and_nothing_is_sent(
    tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(text)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen(1)
        listener.settimeout(0.0)
        command = ["policy", "--policy-socket", str(tmp_path / "s")]
        done = CliRunner().invoke(main, [*command, "dry-run", str(file)])
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert done.exit_code == 1
    assert done.output.startswith(f"vcndctl: {file}: ")
    assert words in done.output
    assert len(done.output.splitlines()) == 1


def test_status_has_a_line_for_each_thing(tmp_path: Path) -> None:
    done, asked = run(tmp_path, STATUS, "status")
    assert (done.exit_code, done.output) == (0, STATUS_TEXT)
    assert b"VCND_POLICY_STATUS" in asked


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (POD, ["web"]),
        (STATUS, ["status"]),
        (explained(), ["explain", "a", "b", "1"]),
    ],
)
def test_answers_are_printed_as_json(
    tmp_path: Path, answer: msgspec.Struct, words: list[str]
) -> None:
    done, _ = run(tmp_path, answer, *words, "--json")
    assert done.exit_code == 0
    assert msgspec.json.decode(done.output, type=type(answer)) == answer


def refusal(message: str) -> bytes:
    body = json.dumps({"code": 6, "msg": message}).encode()
    return b"1 %d\n%s" % (len(body), body)


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (b"", Exit.DOWN, "vcnd-policy ended before it answered"),
        (refusal("vcnd-policy has no verb 'X'"), Exit.VERSION, "older than vcndctl"),
        (
            refusal("no pod web is known\x1b[2J"),
            Exit.REFUSED,
            "no pod web is known\\x1b[2J",
        ),
        (b"0 2\n{}", Exit.VERSION, "of one version? --json prints it"),
    ],
)
def test_a_refusal_is_one_line(
    tmp_path: Path, reply: bytes, code: Exit, words: str
) -> None:
    done, _ = run(tmp_path, reply, "web")
    assert done.exit_code == code
    assert done.output.startswith("vcndctl: ")
    assert words in done.output
    assert len(done.output.splitlines()) == 1


def test_what_json_cannot_say_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        "metadata: {name: a}\nspec: {podSelector: {}, other: {null: 1}}\n"
    )
    for words in (["dry-run", str(file)], ["show", "blue/\udcff"]):
        command = ["policy", "--policy-socket", str(tmp_path / "s"), *words]
        done = CliRunner().invoke(main, command)
        assert (done.exit_code, len(done.output.splitlines())) == (1, 1)
        assert "cannot be sent" in done.output


def test_a_process_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "s"
    command = ["policy", "--policy-socket", str(path), "status"]
    done = CliRunner().invoke(main, command)
    assert (done.exit_code, len(done.output.splitlines())) == (Exit.DOWN, 1)
    assert 'enforcement is "off"' in done.output
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
    done = CliRunner().invoke(main, command)
    assert "systemctl status vcnd-policy.socket" in done.output


def test_the_socket_may_be_in_the_environment(tmp_path: Path) -> None:
    variables = {"VCND_POLICY_SOCKET": str(tmp_path / "elsewhere")}
    done = CliRunner(env=variables).invoke(main, ["policy", "status"])
    assert f"no socket {tmp_path}{os.sep}elsewhere" in done.output
