"""``vcndctl metrics`` and ``policy metrics`` print what a process told."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from tests.answering import answering
from vcnd import ctl
from vcnd.ctl.exits import Exit
from vcnd.model.metrics import Reading, counter, gauge

Told = Callable[..., tuple[int, str]]
READING = Reading(
    pid=os.getpid(),
    families=(
        gauge("vcnd_pool_addresses", "Addresses.", "class", "state").by_labels(
            {("_own", "free"): 3}
        ),
        counter("vcnd_journal_records", "Records.").single(17),
    ),
)


@pytest.fixture(params=["daemon", "policy"])
def told(tmp_path: Path, request: pytest.FixtureRequest) -> Told:
    path = tmp_path / "s"
    command = (
        ["--socket", str(path), "metrics"]
        if request.param == "daemon"
        else ["policy", "--policy-socket", str(path), "metrics"]
    )

    def run(*options: str, body: bytes | None = None) -> tuple[int, str]:
        text = msgspec.json.encode(READING) if body is None else body
        with answering(path, b"0 %d\n%s" % (len(text), text)):
            done = CliRunner().invoke(ctl.main, [*command, *options])
        return done.exit_code, done.output

    return run


def test_metrics_are_printed_in_openmetrics(told: Told) -> None:
    code, output = told()
    assert code == 0
    assert 'vcnd_pool_addresses{class="_own",state="free"} 3.0\n' in output
    assert "vcnd_journal_records_total 17.0\n" in output
    assert "process_resident_memory_bytes " in output
    assert output.endswith("# EOF\n")


def test_metrics_in_json_are_the_daemons_values(told: Told) -> None:
    code, output = told("--json")
    assert code == 0
    assert msgspec.json.decode(output, type=Reading) == READING


@pytest.mark.parametrize("body", [b"{}", b'{"pid":1,"families":[[{}]]}'])
def test_answer_of_another_version_is_one_line(told: Told, body: bytes) -> None:
    code, output = told(body=body)
    assert code == Exit.VERSION
    assert "of one version?" in output
    assert len(output.splitlines()) == 1
