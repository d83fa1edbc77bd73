"""A disk as one life of a daemon uses it, and its threads in virtual time."""

import errno
import os
from pathlib import Path

import trio
from outcome import Value, capture

from sim.disk.disk import SimDisk
from sim.fleet.life import Life
from vcnd.journal.files import Deliver, FileStat, Work


class LifeFiles:
    """Files of one life (``vcnd.journal.files.Files``)."""

    def __init__(self, disk: SimDisk, life: Life) -> None:
        self._disk = disk
        self._life = life
        self._locks: list[int] = []

    def _go_on(self) -> None:
        """Note an effect; a dead life has none.

        Raises:
            OSError: it is dead: nobody reads the answer.
        """
        if not self._life.step():
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def lock(self, directory: Path) -> int:
        fd = self._disk.lock(directory)
        self._locks.append(fd)
        return fd

    def end(self) -> None:
        """Close what the kernel closes when a process ends."""
        for fd in self._locks:
            self._disk.close(fd)
        self._locks.clear()

    def read(self, path: Path) -> bytes:
        return self._disk.read(path)

    def write_whole(self, path: Path, data: bytes) -> None:
        self._go_on()
        self._disk.write_whole(path, data)

    def open_new(self, path: Path) -> int:
        self._go_on()
        return self._disk.open_new(path)

    def open_old(self, path: Path) -> int:
        return self._disk.open_old(path)

    def write(self, fd: int, data: bytes) -> int:
        self._go_on()
        taken = self._disk.write(fd, data)
        self._go_on()
        return taken

    def sync(self, fd: int, *, only_data: bool) -> None:
        self._go_on()
        self._disk.sync(fd, only_data=only_data)
        self._go_on()

    def truncate(self, fd: int, size: int) -> None:
        self._go_on()
        self._disk.truncate(fd, size)

    def close(self, fd: int) -> None:
        self._disk.close(fd)

    def stat(self, file: Path | int) -> FileStat:
        return self._disk.stat(file)

    def replace(self, path: Path, by: Path) -> None:
        self._go_on()
        self._disk.replace(path, by)
        self._go_on()

    def remove(self, path: Path) -> None:
        self._go_on()
        self._disk.remove(path)

    def sync_directory(self, path: Path) -> None:
        self._go_on()
        self._disk.sync_directory(path)
        self._go_on()


class LifeThreads:
    """What waits for the disk, as a task: it takes virtual time."""

    def __init__(self, disk: SimDisk, life: Life, nursery: trio.Nursery) -> None:
        self._disk = disk
        self._life = life
        self._nursery = nursery

    def start(self, work: Work, deliver: Deliver, name: str | None) -> None:
        """Do work later, unless the life ends before; deliver its outcome."""
        self._nursery.start_soon(self._work, work, deliver, name=name)

    async def _work(self, work: Work, deliver: Deliver) -> None:
        # Also at the end of a run: a cancelled journal waits for its thread.
        with trio.CancelScope(shield=True):
            await trio.sleep(self._disk.sync_seconds())
        if self._life.killed:
            deliver(Value(OSError(errno.EIO, os.strerror(errno.EIO))))
        else:
            deliver(capture(work))
        # It arrives as from a thread: no time passes until then.
        await trio.lowlevel.cancel_shielded_checkpoint()
