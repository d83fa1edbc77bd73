"""The shell completes pods, and nothing if the daemon does not tell."""

import json
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from tests.answering import answering
from vcnd import ctl
from vcnd.ctl import completion

PODS = ["shop/web-0", "shop/web-1", "default/web-0", ""]
STATE = json.dumps({"leases": [{"pod": name} for name in PODS]}).encode()


def completed(*words: str) -> list[str]:
    """Return what is completed of the last word."""
    complete = ShellComplete(ctl.main, {}, "vcndctl", "_VCNDCTL_COMPLETE")
    found = complete.get_completions([*words[:-1]], words[-1])
    return [item.value for item in found]


def reply(body: bytes, code: int = 0) -> bytes:
    return b"%d %d\n%s" % (code, len(body), body)


@pytest.mark.parametrize(
    "words",
    [
        ("explain",),
        ("path",),
        ("path", "shop/web-0"),
        ("flows",),
        ("policy", "show"),
        ("policy", "explain"),
        ("policy", "explain", "shop/web-0"),
    ],
)
def test_pods_are_completed(tmp_path: Path, words: tuple[str, ...]) -> None:
    path = tmp_path / "s"
    with answering(path, reply(STATE)):
        assert completed("--socket", str(path), *words, "") == sorted(PODS)[1:]


@pytest.mark.parametrize(
    ("incomplete", "found"),
    [
        ("shop/", ["shop/web-0", "shop/web-1"]),
        ("web-1", ["shop/web-1"]),
        ("web", ["default/web-0", "shop/web-0", "shop/web-1"]),
        ("other", []),
        ("other/web", []),
    ],
)
def test_beginning_of_a_name_chooses(
    tmp_path: Path, incomplete: str, found: list[str]
) -> None:
    path = tmp_path / "s"
    with answering(path, reply(STATE)):
        assert completed("--socket", str(path), "explain", incomplete) == found


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        reply(b"[]"),
        reply(b"{}"),
        reply(b'{"leases": 5}'),
        reply(b'{"leases": [1, {"pod": 2}, {}]}'),
        reply(b'{"code": 1, "msg": "no"}', 1),
        b"0 100\n{}",
    ],
)
def test_answer_of_another_kind_completes_nothing(
    tmp_path: Path, answer: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "s"
    with answering(path, answer):
        assert completed("--socket", str(path), "explain", "") == []
    assert capfd.readouterr() == ("", "")


def test_daemon_that_is_down_or_hangs_completes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hanging: Path
) -> None:
    assert completed("--socket", str(tmp_path / "none"), "explain", "") == []
    monkeypatch.setattr(completion, "SECONDS", 0.05)
    assert completed("--socket", str(hanging), "explain", "") == []


def test_commands_and_options_are_completed_without_the_daemon() -> None:
    assert completed("expl") == ["explain"]
    assert completed("explain", "--js") == ["--json"]
