"""The journal's file after a refusal of the disk."""

import errno
import os
from pathlib import Path

import pytest

from tests.core.test_replay import lease
from vcnd.journal.disk import JournalFile
from vcnd.journal.files import SystemFiles
from vcnd.journal.journal import FileJournal
from vcnd.journal.reading import Header, read, record_line
from vcnd.model.errors import JournalError
from vcnd.model.records import Leased, Record, Released

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


class Unnamed(SystemFiles):
    """A disk that does not make names durable."""

    def sync_directory(self, path: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


class Fixed(SystemFiles):
    """A disk on which no file takes another one's place."""

    def replace(self, path: Path, by: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_new_file_is_removed_where_its_rename_is_refused(tmp_path: Path) -> None:
    file = JournalFile(tmp_path / "journal", Fixed())
    with pytest.raises(OSError, match="Input/output error"):
        file.replace(HEADER)
    assert list(tmp_path.iterdir()) == []


class Undeletable(SystemFiles):
    """A disk that deletes nothing."""

    def remove(self, path: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))


def test_refused_deletion_is_no_defect(tmp_path: Path) -> None:
    """A release that had done all else ended as one."""
    file = JournalFile(tmp_path / "journal", Undeletable())
    with pytest.raises(JournalError, match="everything was released"):
        file.remove()


def test_new_file_is_not_cut_to_the_old_ones_size(tmp_path: Path) -> None:
    """The new file took the old one's place, and then the disk refused: at a start."""
    path = tmp_path / "journal"
    kept, ended = lease(1, 1), lease(2, 2)
    records: list[Record] = [Leased(kept), Leased(ended), *[Released(ended.key)] * 3]
    path.write_bytes(HEADER + b"".join(record_line((r, 1.0)) for r in records))
    made = FileJournal(path, boot_id="boot", netns_cookie=1, files=Unnamed())
    assert made.open().leases == (kept,)
    made.close()
    again = read(path.read_bytes(), "journal")
    assert not again.is_damaged
    assert not again.torn
    assert again.replay.recovered(2.0).leases == (kept,)


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
