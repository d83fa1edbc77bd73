"""The journal's file.  Synchronous; all but ``write`` runs in a worker thread.

A file is appended to only while its content is known.  After a refused write or a
refused sync the file is closed, and its owner writes another one.  (After a refused
sync the kernel may have dropped the pages, and the next sync succeeds without them.)
"""

import errno
from contextlib import suppress
from pathlib import Path

from vcnd.journal.files import Files, FileStat, SystemFiles
from vcnd.model.errors import JournalError


class JournalFile:
    """One file, replaced as a whole or appended to."""

    def __init__(self, path: Path, files: Files | None = None) -> None:
        self.path = path
        self._files = files or SystemFiles()
        self._lock = -1
        self._fd = -1
        self._size = 0
        self._was_read: FileStat | None = None
        """Which file was read."""
        self._durable = 0
        """How many of its bytes are durable."""

    def lock(self) -> bool:
        """Lock the file's directory until ``unlock``; False if another process has it.

        A disk that refuses is no reason to refuse the start: then two daemons could not
        write either.
        """
        if self._lock < 0:
            try:
                self._lock = self._files.lock(self.path.parent)
            except BlockingIOError:
                return False
            except OSError:
                return True
        return True

    def unlock(self) -> None:
        """Let another process have the directory."""
        if self._lock >= 0:
            lock, self._lock = self._lock, -1
            self._files.close(lock)

    def read(self) -> bytes | None:
        """Return the content, or None if there is no file."""
        try:
            self._was_read = self._files.stat(self.path)
            return self._files.read(self.path)
        except FileNotFoundError:
            return None

    def keep_aside(self, suffix: str, data: bytes) -> str:
        """Keep a copy of damaged bytes beside the file; return its name.

        The name is empty if the disk refuses the copy.
        """
        beside = self.path.with_suffix(suffix)
        try:
            self._files.write_whole(beside, data)
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
            there = self._files.stat(self.path)
        except OSError:
            return False
        return there == self._files.stat(self._fd) and there.size == self._size

    def replace(self, data: bytes) -> None:
        """Put a new file in the old one's place, durably."""
        fresh, fd = self._write_fresh(data)
        # From here on it is not certain which of the two a crash would leave.
        self.close()
        try:
            self._files.replace(self.path, by=fresh)
            self._files.sync_directory(self.path.parent)
        except OSError:
            self._files.close(fd)
            with suppress(OSError):
                self._files.remove(fresh)
            raise
        self._fd, self._size = fd, len(data)
        self._durable = self._size

    def _write_fresh(self, data: bytes) -> tuple[Path, int]:
        """Write a file beside the old one, which stays if the write is refused."""
        fresh = self.path.with_suffix(".new")
        fd = self._files.open_new(fresh)
        try:
            self._write_all(fd, data)
            self._files.sync(fd, only_data=False)
        except OSError:
            self._files.close(fd)
            with suppress(OSError):
                self._files.remove(fresh)
            raise
        return fresh, fd

    def resume(self, size: int) -> None:
        """Append to the file that was read; cut off everything behind ``size``.

        Raises:
            OSError: the disk refuses, or another file is there by now: ``replace`` may
                fail when the new one is in place already.
        """
        self.close()
        fd = self._files.open_old(self.path)
        try:
            self._refuse_another(fd)
            self._files.truncate(fd, size)
            self._files.sync(fd, only_data=True)
        except OSError:
            self._files.close(fd)
            raise
        self._fd, self._size = fd, size
        self._durable = size

    def _refuse_another(self, fd: int) -> None:
        here, read = self._files.stat(fd), self._was_read
        if read is None or (here.device, here.inode) != (read.device, read.inode):
            raise OSError(errno.ESTALE, "another file has taken the journal's place")

    def write(self, data: bytes) -> None:
        """Append to what the kernel has of the file; ``sync`` makes it durable.

        Where that is refused, close the file.
        """
        try:
            self._write_all(self._fd, data)
        except OSError:
            self._give_up()
            raise
        self._size += len(data)

    def sync(self) -> None:
        """Make what was written durable; where that is refused, close the file."""
        try:
            self._files.sync(self._fd, only_data=True)
        except OSError:
            self._give_up()
            raise
        self._durable = self._size

    def _give_up(self) -> None:
        # Try to leave no half line and no refused record in the file.
        with suppress(OSError):
            self._files.truncate(self._fd, self._durable)
        self.close()

    def remove(self) -> None:
        """Delete the file and all copies beside it: everything was released.

        Raises:
            JournalError: the disk refuses.
        """
        try:
            for suffix in (".new", ".cut", ".damaged"):
                self._files.remove(self.path.with_suffix(suffix))
            self._files.remove(self.path)
        except OSError as error:
            raise JournalError(
                f"{error}; everything was released, so the journal may be deleted"
            ) from error

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            self._files.close(fd)

    def _write_all(self, fd: int, data: bytes) -> None:
        while data:
            data = data[self._files.write(fd, data) :]
