"""A simulated file system with one disk, which outlives processes and boots."""

import errno
import os
from pathlib import Path
from random import Random

from sim.disk.file import SimFile
from vcnd.journal.files import FileStat

LOCK = 1
"""The descriptor of the locked directory."""
SYNC_SECONDS = 0.002
REFUSALS = ("full", "write", "sync", "rename", "read-only")
"""What a disk can refuse: everything that needs room, or one kind of operation."""


class SimDisk:
    """Files by name (``vcnd.journal.files.Files``)."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._names: dict[Path, SimFile] = {}
        self._durable_names: dict[Path, SimFile] = {}
        self._renames: list[dict[Path, SimFile | None]] = []
        """Changes of names since their directory was synced, the oldest first."""
        self._open: dict[int, SimFile] = {}
        self._numbered = 0
        self._locked = False
        self.refuses: set[str] = set()
        """Of ``REFUSALS``."""
        self.slowness = SYNC_SECONDS
        """How long a sync takes, roughly."""

    def sync_seconds(self) -> float:
        """Return how long the next sync takes."""
        return self.slowness * self._random.choice((0.5, 1.0, 1.0, 5.0))

    # What a node does to it

    def lose_power(self) -> None:
        """Forget, or tear, what was not synced; descriptors are gone."""
        self._open.clear()
        self._locked = False
        for change in self._renames[: self._random.randint(0, len(self._renames))]:
            _rename(self._durable_names, change)
        self._renames.clear()
        self._names = dict(self._durable_names)
        for file in {f.number: f for f in self._names.values()}.values():
            file.lose_power(self._random)

    def damage(self, path: Path, how: str, pick: int) -> None:
        """Damage a file: it is gone, cut off, or has a wrong bit."""
        file = self._names.get(path)
        if file is None or not file.content:
            return
        if how == "gone":
            self._rename({path: None})
            self._sync_names()
        else:
            file.damage(pick, cut=how == "cut")

    def durable(self, path: Path) -> bytes:
        """Return what a power cut would at least leave of a file."""
        file = self._durable_names.get(path)
        return b"" if file is None else bytes(file.durable)

    def holds(self, path: Path, text: bytes) -> bool:
        """Return True if a text of a file would outlive a power cut."""
        file = self._durable_names.get(path)
        return file is not None and text in file.durable

    def size(self, path: Path) -> int:
        """Return a file's size; 0 if there is none."""
        file = self._names.get(path)
        return 0 if file is None else len(file.content)

    # Files

    def lock(self, directory: Path) -> int:
        del directory  # there is one
        if self._locked:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        self._locked = True
        return LOCK

    def read(self, path: Path) -> bytes:
        return bytes(self._found(path).content)

    def write_whole(self, path: Path, data: bytes) -> None:
        fd = self.open_new(path)
        try:
            self.write(fd, data)
        finally:
            self.close(fd)

    def open_new(self, path: Path) -> int:
        self._refuse("read-only", errno.EROFS)
        file = self._names.get(path)
        if file is None:
            self._refuse("full", errno.ENOSPC)
            self._numbered += 1
            file = SimFile(self._numbered)
            self._rename({path: file})
        file.cut(0)
        return self._descriptor(file)

    def open_old(self, path: Path) -> int:
        self._refuse("read-only", errno.EROFS)
        return self._descriptor(self._found(path))

    def write(self, fd: int, data: bytes) -> int:
        file = self._file(fd)
        self._refuse("write", errno.EIO)
        if "full" in self.refuses:
            # The last free block takes a part, and nothing fits any more.
            room = self._random.choice((0, self._random.randrange(len(data) + 1)))
            if not room:
                self._refuse("full", errno.ENOSPC)
            data = data[:room]
        file.append(data)
        return len(data)

    def sync(self, fd: int, *, only_data: bool) -> None:
        del only_data
        file = self._file(fd)
        if "sync" in self.refuses:
            file.drop_changes()
            self._refuse("sync", errno.EIO)
        file.sync()

    def truncate(self, fd: int, size: int) -> None:
        self._file(fd).cut(size)

    def close(self, fd: int) -> None:
        if fd == LOCK:
            self._locked = False
        self._open.pop(fd, None)

    def stat(self, file: Path | int) -> FileStat:
        found = self._file(file) if isinstance(file, int) else self._found(file)
        return FileStat(1, found.number, len(found.content))

    def replace(self, path: Path, by: Path) -> None:
        self._refuse("rename", errno.EIO)
        self._refuse("read-only", errno.EROFS)
        self._rename({path: self._found(by), by: None})

    def remove(self, path: Path) -> None:
        self._refuse("read-only", errno.EROFS)
        if path in self._names:
            self._rename({path: None})

    def sync_directory(self, path: Path) -> None:
        del path
        self._refuse("sync", errno.EIO)
        self._sync_names()

    def _sync_names(self) -> None:
        for change in self._renames:
            _rename(self._durable_names, change)
        self._renames.clear()

    def _rename(self, change: dict[Path, SimFile | None]) -> None:
        _rename(self._names, change)
        self._renames.append(change)

    def _descriptor(self, file: SimFile) -> int:
        fd = max(self._open, default=2) + 1
        self._open[fd] = file
        return fd

    def _file(self, fd: int) -> SimFile:
        if fd not in self._open:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._open[fd]

    def _found(self, path: Path) -> SimFile:
        if path not in self._names:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return self._names[path]

    def _refuse(self, what: str, code: int) -> None:
        if what in self.refuses:
            raise OSError(code, os.strerror(code))


def _rename(names: dict[Path, SimFile], change: dict[Path, SimFile | None]) -> None:
    for path, file in change.items():
        if file is None:
            names.pop(path, None)
        else:
            names[path] = file
