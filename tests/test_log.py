"""Log lines go to standard error, and never stop the work that they report."""

import json
from collections.abc import Iterator
from io import FileIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from vcnd.log import Log, as_json, log, logfmt, trace


@pytest.fixture
def own() -> Iterator[Log]:
    """Return a log of this test's own, without a trace that another has set."""
    token = trace.set("")
    yield Log()
    trace.reset(token)


def test_a_line_that_the_disk_refuses_is_dropped(
    own: Log, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (
        TextIOWrapper(FileIO("/dev/full", "w"), write_through=True) as full,
        monkeypatch.context() as patch,
    ):
        patch.setattr("sys.stderr", full)
        own.error("not_written")
    with (tmp_path / "log").open("w") as file, monkeypatch.context() as patch:
        patch.setattr("sys.stderr", file)
        own.error("written")
    assert "written" in (tmp_path / "log").read_text()


def test_log_line_carries_its_priority(
    own: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    own.set_up(level="info", form="logfmt", for_journal=True)
    own.warning("odd", reason="two\nlines")
    written = capsys.readouterr().err
    assert written == "<4>event=odd reason=two\\nlines level=warning\n"


def test_log_lines_of_a_call_carry_its_trace(
    own: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    token = trace.set("4bf9")
    own.warning("call_refused", code=11)
    trace.reset(token)
    own.info("ready")
    refused, ready = capsys.readouterr().err.splitlines()
    assert "trace=4bf9" in refused
    assert "trace" not in ready


@pytest.mark.parametrize("form", ["json", "logfmt"])
def test_exception_is_written_with_its_trace(
    own: Log, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    own.set_up(level="info", form=form, for_journal=False)
    try:
        raise ValueError("a secret place")
    except ValueError:
        own.exception("call_failed")
    [line] = capsys.readouterr().err.splitlines()
    assert "Traceback" in line
    assert "test_log.py" in line
    assert "ValueError: a secret place" in line


def test_levels_below_are_not_written(
    own: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    own.set_up(level="warning", form="logfmt", for_journal=True)
    for say in (own.debug, own.info, own.warning, own.error, own.critical):
        say("odd")
    written = capsys.readouterr().err.splitlines()
    assert [line[:3] for line in written] == ["<4>", "<3>", "<2>"]


def test_time_is_utc(own: Log, capsys: pytest.CaptureFixture[str]) -> None:
    own.set_up(level="info", form="json", for_journal=False)
    own.info("ready", leases=3)
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["leases"], line["level"]) == ("ready", 3, "info")
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", "plain"),
        (None, ""),
        (True, "true"),
        (False, "false"),
        (1.5, "1.5"),
        ("", ""),
        ("two words", '"two words"'),
        ("a=b", '"a=b"'),
        ('say "no"\\', '"say \\"no\\"\\\\"'),
        ("back\\slash", "back\\slash"),
        (["a", "b"], "\"['a', 'b']\""),
    ],
)
def test_logfmt_quotes_what_would_be_ambiguous(value: Any, written: str) -> None:
    assert logfmt({"event": "e", "x": value}) == f"event=e x={written}"


def test_json_has_the_repr_of_unknown_objects() -> None:
    assert json.loads(as_json({"event": "e", "x": {1}})) == {"event": "e", "x": "{1}"}


def test_collected_events_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    with log.collected() as found:
        log.debug("odd", x=1)
    assert found == [{"event": "odd", "x": 1, "level": "debug"}]
    assert capsys.readouterr().err == ""
