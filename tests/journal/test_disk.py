"""The journal's file after a refusal of the disk."""

import errno
import os
from pathlib import Path

import pytest

from tests.core.test_replay import lease
from vcnd.journal.disk import JournalFile
from vcnd.journal.reading import Header, record_line
from vcnd.model.records import Leased

HEADER = Header(boot_id="boot", netns_cookie=1).line()


def test_file_is_cut_back_where_an_append_is_refused(tmp_path: Path) -> None:
    file = JournalFile(tmp_path / "journal")
    file.replace(HEADER)
    with Path("/dev/full").open("wb") as full:
        os.dup2(full.fileno(), file._fd)
    with pytest.raises(OSError, match="No space left"):
        file.write(record_line((Leased(lease(1, 1)), 1.0)))
    assert not file.is_known
    assert file.read() == HEADER


def test_file_is_not_appended_to_after_a_refused_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel may have dropped the pages, and the next sync would not report it."""
    file = JournalFile(tmp_path / "journal")
    file.replace(HEADER)

    def refuse(_descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as disk:
        disk.setattr(os, "fdatasync", refuse)
        file.write(record_line((Leased(lease(1, 1)), 1.0)))
        with pytest.raises(OSError, match="Input/output error"):
            file.sync()
    assert not file.is_known
    assert file.read() == HEADER  # the refused record is not in the file
