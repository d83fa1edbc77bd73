"""The list of a release's files, as sha256sum reads it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from integration.release import sums
from integration.release.sums import ReleaseError

ONE, TWO = "1" * 64, "2" * 64


def test_sha256sum_accepts_the_list(tmp_path: Path) -> None:
    (tmp_path / "vcnd-1.0-py3-none-any.whl").write_bytes(b"wheel")
    (tmp_path / "vcnd-1.0+x.tar.gz").write_bytes(b"archive")
    text = sums.text_of(sums.digests(tmp_path))
    (tmp_path / sums.NAME).write_text(text)
    program = shutil.which("sha256sum")
    assert program is not None
    command = [program, "--check", "--strict", "--quiet", sums.NAME]
    subprocess.run(command, cwd=tmp_path, check=True)


def test_list_is_read_as_it_was_written() -> None:
    listed = {"b.whl": ONE, "a.tar.gz": TWO}
    text = sums.text_of(listed)
    assert text.startswith(f"{TWO}  a.tar.gz\n")
    assert sums.parse(text) == listed


@pytest.mark.parametrize(
    "line",
    [
        f"{ONE}  ../a",
        f"{ONE}  /etc/passwd",
        f"{ONE} *a",
        f"{ONE[:-1]}  a",
        f"{ONE}  a b",
        "",
        f"{ONE}  twice\n{ONE}  twice",
    ],
)
def test_line_of_another_form_is_refused(line: str) -> None:
    with pytest.raises(ReleaseError, match="not valid"):
        sums.parse(f"{TWO}  good\n{line}\n")


def test_each_difference_is_named() -> None:
    listed = {"same": ONE, "other": ONE, "gone": ONE}
    there = {"same": ONE, "other": TWO, "more": ONE}
    assert sums.differences(listed, there) == [
        "gone is missing",
        "more is not listed",
        "other has other content",
    ]


def test_folder_in_a_release_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert sums.differences({}, sums.digests(tmp_path)) == ["folder is not listed"]
