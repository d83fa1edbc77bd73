"""Two daemons on one node: the second does not start."""

import os
from pathlib import Path

import pytest

from tests.journal.test_journal import journal
from vcnd.journal.files import SystemFiles
from vcnd.journal.reading import JournalUnusableError


def test_second_daemon_gets_no_journal(tmp_path: Path) -> None:
    """I1: each would give the addresses that the other one counts as free."""
    first, second = journal(tmp_path / "journal"), journal(tmp_path / "journal")
    first.open()
    with pytest.raises(JournalUnusableError, match="another vcnd uses"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_lock_makes_the_directory_and_ends_with_its_descriptor(tmp_path: Path) -> None:
    files, directory = SystemFiles(), tmp_path / "state"
    fd = files.lock(directory)
    assert directory.is_dir()
    with pytest.raises(BlockingIOError):
        files.lock(directory)
    os.close(fd)
    files.close(files.lock(directory))
