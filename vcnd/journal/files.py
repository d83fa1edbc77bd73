"""The file operations that the journal needs, and the kernel's.

The simulation has others: a disk that forgets what was not synced, tears writes and
refuses.
"""

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec
import trio
from outcome import Outcome

_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC


class FileStat(msgspec.Struct, frozen=True):
    """Which file it is, and its size."""

    device: int
    inode: int
    size: int


class Files(Protocol):
    """A file system; all methods raise ``OSError``."""

    def lock(self, directory: Path) -> int:
        """Lock a directory, which is made if need be; return its descriptor.

        Raises ``BlockingIOError`` if another process has it locked.
        """

    def read(self, path: Path) -> bytes:
        """Return a file's content."""

    def write_whole(self, path: Path, data: bytes) -> None:
        """Write a file, durable or not."""

    def open_new(self, path: Path) -> int:
        """Open an empty file to append to; make its directory if need be."""

    def open_old(self, path: Path) -> int:
        """Open an existing file to append to."""

    def write(self, fd: int, data: bytes) -> int:
        """Append bytes; return how many were taken."""

    def sync(self, fd: int, *, only_data: bool) -> None:
        """Make a file's content durable, and its other properties too."""

    def truncate(self, fd: int, size: int) -> None:
        """Cut a file off."""

    def close(self, fd: int) -> None:
        """Close a file."""

    def stat(self, file: Path | int) -> FileStat:
        """Return which file is at a path or behind a descriptor."""

    def replace(self, path: Path, by: Path) -> None:
        """Let a file take another one's place."""

    def remove(self, path: Path) -> None:
        """Remove a file if it exists."""

    def sync_directory(self, path: Path) -> None:
        """Make the names in a directory durable."""


Work = Callable[[], Any]
Deliver = Callable[[Outcome[Any]], object]
Start = Callable[[Work, Deliver, str | None], None]
"""Starts work that may take long; what is delivered is its outcome."""

in_thread: Start = trio.lowlevel.start_thread_soon


class SystemFiles:
    """The kernel's file systems."""

    def lock(self, directory: Path) -> int:
        """Lock a directory; the lock ends with the descriptor, or the process."""
        directory.mkdir(parents=True, exist_ok=True)
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            raise
        return fd

    def read(self, path: Path) -> bytes:
        """Return a file's content."""
        return path.read_bytes()

    def write_whole(self, path: Path, data: bytes) -> None:
        """Write a file, durable or not."""
        path.write_bytes(data)

    def open_new(self, path: Path) -> int:
        """Open an empty file to append to; make its directory if need be."""
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, _APPEND | os.O_CREAT | os.O_TRUNC, 0o600)

    def open_old(self, path: Path) -> int:
        """Open an existing file to append to."""
        return os.open(path, _APPEND)

    def write(self, fd: int, data: bytes) -> int:
        """Append bytes; return how many were taken."""
        return os.write(fd, data)

    def sync(self, fd: int, *, only_data: bool) -> None:
        """Make a file's content durable, and its other properties too."""
        if only_data:
            os.fdatasync(fd)
        else:
            os.fsync(fd)

    def truncate(self, fd: int, size: int) -> None:
        """Cut a file off."""
        os.ftruncate(fd, size)

    def close(self, fd: int) -> None:
        """Close a file."""
        with suppress(OSError):
            os.close(fd)

    def stat(self, file: Path | int) -> FileStat:
        """Return which file is at a path or behind a descriptor."""
        found = os.stat(file)
        return FileStat(found.st_dev, found.st_ino, found.st_size)

    def replace(self, path: Path, by: Path) -> None:
        """Let a file take another one's place."""
        by.replace(path)

    def remove(self, path: Path) -> None:
        """Remove a file if it exists."""
        path.unlink(missing_ok=True)

    def sync_directory(self, path: Path) -> None:
        """Make the names in a directory durable."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
