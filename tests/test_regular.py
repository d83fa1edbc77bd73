"""Only regular files of a bounded size are read, and nobody waits for another."""

import os
from pathlib import Path

import pytest

from vcnd.regular import read_regular


def test_a_regular_file_is_read_as_a_whole(tmp_path: Path) -> None:
    path, link = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"\0x\xff")
    link.symlink_to(path)
    assert read_regular(path, most=3) == b"\0x\xff"
    assert read_regular(str(link)) == b"\0x\xff"


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, Path("/dev/zero"), tmp_path / "none"):
        with pytest.raises(OSError, match=r"no regular file|No such file"):
            read_regular(path)


def test_a_file_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"1234")
    with pytest.raises(OSError, match="longer than 3 bytes") as caught:
        read_regular(path, most=3)
    assert caught.value.filename == str(path)
