"""One sync for all records that came during the one before."""

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from tests.core.test_replay import lease
from tests.journal.test_journal import journal, recovered, running
from vcnd.journal.batch import Batch, Entry
from vcnd.model.errors import JournalError
from vcnd.model.records import Leased


class Disk:
    """Counts syncs, and holds them up or refuses them."""

    def __init__(self) -> None:
        self.syncs = 0
        self.goes_on = threading.Event()
        self.refuses = False

    def sync(self, _descriptor: int) -> None:
        self.syncs += 1
        self.goes_on.wait()
        if self.refuses:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    made = Disk()
    monkeypatch.setattr(os, "fdatasync", made.sync)
    yield made
    made.goes_on.set()


def test_batches_share_nothing() -> None:
    first, second = Batch(), Batch()
    first.entries.append(Entry(Leased(lease(1, 1)), 1.0))
    first.written.set()
    assert not second.entries
    assert not second.written.is_set()
    assert not first.tried.is_set()


async def test_written_record_outlives_the_daemon_before_its_sync(
    tmp_path: Path, disk: Disk
) -> None:
    j = journal(tmp_path / "journal")
    async with running(j):
        durable = await j.write(Leased(lease(1, 1)))
        assert recovered_from_copy(tmp_path) == [lease(1, 1)]
        with trio.move_on_after(0.01) as waiting:
            await durable()
        assert waiting.cancelled_caught
        disk.goes_on.set()
        await durable()
    assert disk.syncs == 1


async def test_records_that_come_during_a_sync_share_the_next(
    tmp_path: Path, disk: Disk
) -> None:
    j = journal(tmp_path / "journal")
    async with running(j), trio.open_nursery() as callers:
        first = await j.write(Leased(lease(1, 1)))
        for n in range(2, 10):
            callers.start_soon(j.append, Leased(lease(n, n)))
        await trio.testing.wait_all_tasks_blocked()
        disk.goes_on.set()
        await first()
    assert disk.syncs == 2
    assert len(recovered(tmp_path / "journal").leases) == 9


async def test_refused_sync_is_told_to_those_who_wait_for_it(
    tmp_path: Path, disk: Disk
) -> None:
    j = journal(tmp_path / "journal")
    disk.refuses = True
    async with running(j):
        durable = await j.write(Leased(lease(1, 1)))
        disk.goes_on.set()
        with pytest.raises(JournalError, match="Input/output error"):
            await durable()
        # The file is replaced by one without the record that was refused.
        await j.append(Leased(lease(2, 2)))
    assert recovered(tmp_path / "journal").leases == (lease(2, 2),)


def recovered_from_copy(directory: Path) -> list[object]:
    """Return the leases that a daemon would find if this one were killed now."""
    copy = directory / "copy" / "journal"
    copy.parent.mkdir()
    copy.write_bytes((directory / "journal").read_bytes())
    return list(recovered(copy).leases)
