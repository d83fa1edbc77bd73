"""The search itself: it finds what is planted, and names it."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import blind, bounds, kept
from tests.fuzz.bounds import TooMuchWorkError, bounded
from tests.fuzz.choices import ODD, Choices, damaged, document, torn, yaml_document

SAMPLE = {"a": [1, {"b": None}], "c": "text"}


def options(folder: Path, **changes: int) -> argparse.Namespace:
    found = folder / "found"
    found.mkdir()
    (found / "kept-0000").write_bytes(b"harmless")
    return argparse.Namespace(
        **{"seed": 1, "seconds": 60, "inputs": 500, "found": found, **changes}
    )


def test_blind_search_finds_what_is_planted(tmp_path: Path) -> None:
    def run(data: bytes) -> None:
        if b"\xff" in data:
            raise ZeroDivisionError

    assert blind.search(run, 100, options(tmp_path)) == blind.CRASHED
    (crash,) = tmp_path.glob("crash-*")
    assert b"\xff" in crash.read_bytes()


def test_blind_search_ends_by_its_number(tmp_path: Path) -> None:
    tried = list[bytes]()
    assert blind.search(tried.append, 9, options(tmp_path, inputs=50)) == 0
    assert len(tried) == 50
    assert max(map(len, tried)) <= 9
    assert len(set(tried)) > 10


def test_work_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the code catches every exception."""
    monkeypatch.setattr(bounds, "MOST_SECONDS", 0.02)

    def work() -> None:
        while True:
            try:
                sum(range(1000))
            except Exception:  # noqa: BLE001, S112 - the point of it
                continue

    with pytest.raises(TooMuchWorkError), bounded():
        work()


@given(st.binary(max_size=60))
def test_any_bytes_damage_a_document(data: bytes) -> None:
    damaged(SAMPLE, Choices(data))
    assert isinstance(document(Choices(data), [SAMPLE, ODD]), bytes)
    assert isinstance(yaml_document(Choices(data), [SAMPLE, ODD]), bytes)
    assert isinstance(torn(b"some bytes", Choices(data)), bytes)


def test_no_bytes_leave_a_document_whole() -> None:
    assert damaged(SAMPLE, Choices(b"")) == SAMPLE
    assert json.loads(document(Choices(bytes([64, 0])), [SAMPLE])) == SAMPLE


@pytest.mark.slow
def test_kept_crash_is_replayed_by_its_file_alone() -> None:
    (crash, *_) = kept.crashes("metrics")
    command = [sys.executable, "-m", "tests.fuzz", "--replay", str(crash)]
    done = subprocess.run(
        command, cwd=kept.HERE.parents[1], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "the rule of metrics holds" in done.stdout) == (0, True)


@pytest.mark.slow
def test_figures_are_told_as_json(tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "tests.fuzz", "--target", "nflog", "--inputs", "100"),
        *("--seconds", "60", "--json", "--crashes", str(tmp_path)),
    ]
    done = subprocess.run(
        command, cwd=kept.HERE.parents[1], capture_output=True, text=True, check=False
    )
    told = json.loads(done.stdout)
    assert told.keys() == {"targets", "inputs", "crashes", "seconds"}
    assert told["targets"]["nflog"].keys() == {"inputs", "seconds", "crashes", "corpus"}
    assert (told["crashes"], told["inputs"] >= 100) == (0, True)
