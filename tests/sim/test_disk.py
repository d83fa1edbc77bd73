"""The simulated disk: what a power cut leaves, and what is refused."""

import errno
from pathlib import Path
from random import Random

import pytest

from sim.disk.disk import REFUSALS, SimDisk
from sim.disk.file import SECTOR
from vcnd.journal.disk import JournalFile

PATH = Path("/state/journal")


def written(seed: int, synced: bytes, unsynced: bytes) -> tuple[SimDisk, JournalFile]:
    disk = SimDisk(Random(seed))
    file = JournalFile(PATH, disk)
    file.replace(synced)
    file.write(unsynced)
    return disk, file


def test_power_cut_keeps_what_was_synced() -> None:
    for seed in range(50):
        disk, file = written(seed, b"old\n", b"new\n")
        file.sync()
        disk.lose_power()
        assert disk.read(PATH) == b"old\nnew\n"


def test_power_cut_loses_keeps_or_tears_what_was_not_synced() -> None:
    found = set()
    for seed in range(50):
        disk, _ = written(seed, b"old\n", b"new\n")
        disk.lose_power()
        found.add(disk.read(PATH))
    assert {b"old\n", b"old\nnew\n"} < found
    assert all(content.startswith(b"old\n") for content in found)


def test_power_cut_keeps_sectors_in_no_order() -> None:
    holes = 0
    for seed in range(50):
        disk, _ = written(seed, b"", b"x" * 4 * SECTOR)
        disk.lose_power()
        holes += bytes(SECTOR) in disk.read(PATH)
    assert holes


def test_rename_that_was_not_synced_may_be_undone() -> None:
    found = set()
    for seed in range(50):
        disk = SimDisk(Random(seed))
        file = JournalFile(PATH, disk)
        file.replace(b"old\n")
        disk.refuses.add("sync")
        fresh = disk.open_new(PATH.with_suffix(".new"))
        disk.write(fresh, b"new\n")
        disk.refuses.clear()
        disk.sync(fresh, only_data=False)
        disk.replace(PATH, by=PATH.with_suffix(".new"))
        disk.lose_power()
        found.add(disk.read(PATH))
    assert found == {b"old\n", b"new\n"}


def test_sync_after_a_refused_one_does_not_bring_the_writes_back() -> None:
    disk = SimDisk(Random(1))
    fd = disk.open_new(PATH)
    disk.write(fd, b"lost\n")
    disk.refuses.add("sync")
    with pytest.raises(OSError, match="Input/output"):
        disk.sync(fd, only_data=True)
    disk.refuses.clear()
    disk.sync(fd, only_data=True)
    assert disk.read(PATH) == b"lost\n"
    disk.sync_directory(PATH.parent)
    assert disk.durable(PATH) == b""


@pytest.mark.parametrize("what", REFUSALS)
def test_disk_refuses_and_then_works(what: str) -> None:
    disk = SimDisk(Random(1))
    file = JournalFile(PATH, disk)
    disk.refuses.add(what)
    with pytest.raises(OSError, match=r".") as refusal:
        file.replace(b"x" * 10)
    assert refusal.value.errno in (errno.ENOSPC, errno.EIO, errno.EROFS)
    disk.refuses.clear()
    file.replace(b"x" * 10)
    assert disk.durable(PATH) == b"x" * 10


def test_lock_ends_with_power_or_descriptor() -> None:
    disk = SimDisk(Random(1))
    fd = disk.lock(PATH.parent)
    with pytest.raises(BlockingIOError):
        disk.lock(PATH.parent)
    disk.close(fd)
    disk.lock(PATH.parent)
    disk.lose_power()
    disk.lock(PATH.parent)
