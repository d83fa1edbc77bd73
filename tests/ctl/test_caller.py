"""Files and programs are the caller's, also from the version's own root."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from vcnd.ctl import caller


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder that is the caller's directory and root."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    monkeypatch.setenv(caller.CALLERS_DIRECTORY, str(descriptor))
    monkeypatch.setenv(caller.CALLERS_ROOT, str(descriptor))
    yield tmp_path
    os.close(descriptor)


@pytest.mark.parametrize("name", ["etc/file", "/etc/file"])
def test_file_is_that_of_the_caller(folder: Path, name: str) -> None:
    (folder / "etc").mkdir()
    (folder / "etc/file").write_text("whose?")
    assert caller.read_bytes(Path(name)) == b"whose?"
    assert caller.read_bytes(Path(name), 3) == b"who"
    with pytest.raises(FileNotFoundError):
        caller.read_bytes(Path("/etc/hostname"))


def test_without_descriptors_files_are_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("ours")
    assert caller.read_bytes(tmp_path / "file") == b"ours"


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may change its root")
def test_program_runs_in_the_callers_root(monkeypatch: pytest.MonkeyPatch) -> None:
    descriptor = os.open("/", os.O_RDONLY)
    monkeypatch.setenv(caller.CALLERS_ROOT, str(descriptor))
    assert caller.output_of("pwd") == b"/\n"
    os.close(descriptor)


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (("no-such-program",), "No such file"),
        (("sh", "-c", "echo first >&2; echo why >&2; exit 3"), "exit code 3: why"),
        (("false",), "false ended with exit code 1"),
    ],
)
def test_program_that_fails_says_why(program: tuple[str, ...], why: str) -> None:
    with pytest.raises(OSError, match=why):
        caller.output_of(*program)


def test_program_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller, "PROGRAM_SECONDS", 0.05)
    with pytest.raises(TimeoutError, match="sleep took longer"):
        caller.output_of("sleep", "60")
