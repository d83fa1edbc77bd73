"""Log lines go to standard error, and never stop the work that they report."""

from collections.abc import Iterator
from io import FileIO, TextIOWrapper
from pathlib import Path

import pytest
import structlog

from vcnd import log


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_a_line_that_the_disk_refuses_is_dropped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log.set_up(level="info", form="logfmt", for_journal=False)
    with (
        TextIOWrapper(FileIO("/dev/full", "w"), write_through=True) as full,
        monkeypatch.context() as patch,
    ):
        patch.setattr("sys.stderr", full)
        structlog.get_logger().error("not_written")
    with (tmp_path / "log").open("w") as file, monkeypatch.context() as patch:
        patch.setattr("sys.stderr", file)
        structlog.get_logger().error("written")
    assert "written" in (tmp_path / "log").read_text()


def test_log_line_carries_its_priority(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.set_up(level="info", form="logfmt", for_journal=True)
    structlog.get_logger().warning("odd", reason="two\nlines")
    output = capsys.readouterr().err
    assert output.startswith("<4>event=odd ")
    assert output.count("\n") == 1


def test_log_lines_of_a_call_carry_its_trace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.set_up(level="info", form="logfmt", for_journal=True)
    with structlog.contextvars.bound_contextvars(trace="4bf9"):
        structlog.get_logger().warning("call_refused", code=11)
    structlog.get_logger().info("ready")
    refused, ready = capsys.readouterr().err.splitlines()
    assert "trace=4bf9" in refused
    assert "trace" not in ready
