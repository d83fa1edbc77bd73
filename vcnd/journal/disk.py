"""The journal's file.  Synchronous; all but ``write`` runs in a worker thread.

A file is appended to only while its content is known.  After a refused write or a
refused sync the file is closed, and its owner writes another one.  (After a refused
sync the kernel may have dropped the pages, and the next sync succeeds without them.)
"""

import os
from contextlib import suppress
from pathlib import Path


class JournalFile:
    """One file, replaced as a whole or appended to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1
        self._size = 0
        self._durable = 0
        """How many of its bytes are durable."""

    def read(self) -> bytes | None:
        """Return the content, or None if there is no file."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None

    def keep_aside(self, suffix: str, data: bytes) -> str:
        """Keep a copy of damaged bytes beside the file; return its name.

        The name is empty if the disk refuses the copy.
        """
        beside = self.path.with_suffix(suffix)
        try:
            beside.write_bytes(data)
        except OSError:
            return ""
        return str(beside)

    @property
    def is_known(self) -> bool:
        """Return True if the file is open and holds what was written to it.

        It does not if somebody else removed, replaced or truncated it.
        """
        if self._fd < 0:
            return False
        try:
            there = self.path.stat()
        except OSError:
            return False
        here = os.fstat(self._fd)
        same = (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)
        return same and there.st_size == self._size

    def replace(self, data: bytes) -> None:
        """Put a new file in the old one's place, durably."""
        fresh, fd = self._write_fresh(data)
        # From here on it is not certain which of the two a crash would leave.
        self.close()
        try:
            fresh.replace(self.path)
            _sync_directory(self.path.parent)
        except OSError:
            os.close(fd)
            raise
        self._fd, self._size = fd, len(data)
        self._durable = self._size

    def _write_fresh(self, data: bytes) -> tuple[Path, int]:
        """Write a file beside the old one, which stays if the write is refused."""
        fresh = self.path.with_suffix(".new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(fresh, flags, 0o600)
        try:
            _write_all(fd, data)
            os.fsync(fd)
        except OSError:
            os.close(fd)
            with suppress(OSError):
                fresh.unlink()
            raise
        return fresh, fd

    def resume(self, size: int) -> None:
        """Append to the existing file; cut off everything behind ``size``."""
        self.close()
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            os.ftruncate(fd, size)
            os.fdatasync(fd)
        except OSError:
            os.close(fd)
            raise
        self._fd, self._size = fd, size
        self._durable = size

    def write(self, data: bytes) -> None:
        """Append to what the kernel has of the file; ``sync`` makes it durable.

        Where that is refused, close the file.
        """
        try:
            _write_all(self._fd, data)
        except OSError:
            self._give_up()
            raise
        self._size += len(data)

    def sync(self) -> None:
        """Make what was written durable; where that is refused, close the file."""
        try:
            os.fdatasync(self._fd)
        except OSError:
            self._give_up()
            raise
        self._durable = self._size

    def _give_up(self) -> None:
        # Try to leave no half line and no refused record in the file.
        with suppress(OSError):
            os.ftruncate(self._fd, self._durable)
        self.close()

    def remove(self) -> None:
        """Delete the file and all copies beside it."""
        for suffix in (".new", ".cut", ".damaged"):
            self.path.with_suffix(suffix).unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            with suppress(OSError):
                os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
