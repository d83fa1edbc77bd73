"""Durable memory: an append-only file of checksummed lines.

    crc32 of the rest, 8 hex digits ␠ JSON ⏎

The first line is the header: format version, the boot id, and the cookie of the
node's network namespace (a kind node restarts under the same boot id).  When
either differs the leases are void: the sandboxes are gone.  Then one line per
record, ``[kind, seconds since boot, {…}]``.

Many appends at once share one ``fdatasync`` (group commit).  A torn or corrupt
tail is cut off with a warning: what was not synced was never promised.
"""

import os
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Never, get_args

import msgspec
import structlog
import trio

from vcnd.core.memory import Memory
from vcnd.model.errors import TryAgainError, VcndError
from vcnd.model.records import Record, Remembered

log = structlog.get_logger()

FORMAT_VERSION = 1
COMPACT_ABOVE_RECORDS = 4096
KEEP_RELEASES_SECONDS = 3600.0
KINDS: dict[str, type[Record]] = {kind.__name__: kind for kind in get_args(Record)}


class JournalUnusableError(VcndError):
    """The journal cannot be used as it is; the message says what to do."""


def seconds_since_boot() -> float:
    """Return CLOCK_BOOTTIME: it runs on through suspend and daemon restarts."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def encode_line(payload: Any) -> bytes:
    """Return one line of the journal."""
    text = msgspec.json.encode(payload)
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode_line(line: bytes) -> Any:
    """Return a line's payload.

    Raises:
        ValueError: the line is torn or its checksum does not match.
    """
    checksum, _, text = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n") or int(checksum, 16) != zlib.crc32(text):
        raise ValueError("torn or corrupt line")
    return msgspec.json.decode(text)


@dataclass(slots=True)
class _Batch:
    """Appends that one sync will cover."""

    records: list[tuple[Record, float]] = field(default_factory=list)
    written: trio.Event = field(default_factory=trio.Event)
    failure: OSError | None = None


class FileJournal:
    """The journal of one node; ``run`` must run for ``append`` to return."""

    def __init__(
        self,
        path: Path,
        *,
        boot_id: str,
        netns_cookie: int,
        clock: Callable[[], float] = seconds_since_boot,
    ) -> None:
        self._path = path
        self._header = {
            "vcnd_journal": FORMAT_VERSION,
            "boot_id": boot_id,
            "netns_cookie": netns_cookie,
        }
        self._clock = clock
        self._memory = Memory()
        self._records = 0
        self._fd = -1
        self._size = 0
        self._batch = _Batch()
        self._something = trio.Event()
        self._one_thread = trio.CapacityLimiter(1)

    def open(self) -> Remembered:
        """Replay the file, compact it, and return what it remembers.

        Raises:
            JournalUnusableError: a newer vcnd wrote it, or it cannot be read.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._path.exists():
                self._replay(self._path.read_bytes())
            self._replace(self._snapshot())
        except OSError as error:
            raise JournalUnusableError(
                f"the journal {self._path} cannot be opened", details=str(error)
            ) from error
        return self._memory.remembered(self._clock())

    def _replay(self, data: bytes) -> None:
        position, same_boot = 0, False
        for number, line in enumerate(data.splitlines(keepends=True)):
            try:
                payload = decode_line(line)
                if number == 0:
                    same_boot = self._check_header(payload)
                else:
                    kind, at, body = payload
                    self._memory.apply(msgspec.convert(body, KINDS[kind]), at)
            except (ValueError, KeyError, TypeError) as error:
                log.warning(
                    "journal_tail_cut",
                    path=str(self._path),
                    kept_bytes=position,
                    lost_bytes=len(data) - position,
                    reason=str(error),
                )
                self._path.with_suffix(".cut").write_bytes(data[position:])
                break
            position += len(line)
        if not same_boot:
            self._memory.void_leases()

    def _check_header(self, header: Any) -> bool:
        """Tell whether the journal is of this boot and namespace."""
        version = header.get("vcnd_journal") if isinstance(header, dict) else None
        if version is None:
            raise ValueError("the first line is no journal header")
        if version > FORMAT_VERSION:
            raise JournalUnusableError(
                f"the journal {self._path} is of format {version}, newer than this"
                f" vcnd's {FORMAT_VERSION}",
                details="start the newer vcnd again, or drain the node and move the"
                " file away",
            )
        same = all(
            header.get(k) == self._header[k] for k in ("boot_id", "netns_cookie")
        )
        if not same:
            log.info("journal_leases_void", reason="the node was started anew")
        return same

    def _snapshot(self) -> list[bytes]:
        """Return the shortest file that remembers the same."""
        records = self._memory.records(
            cooled_before=self._clock() - KEEP_RELEASES_SECONDS
        )
        lines = [encode_line(self._header)]
        lines += [encode_line([type(r).__name__, at, r]) for r, at in records]
        return lines

    def _replace(self, lines: list[bytes]) -> None:
        """Put a new file in the old one's place, durably."""
        fresh, data = self._path.with_suffix(".new"), b"".join(lines)
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _write_all(fd, data)
            os.fsync(fd)
            fresh.replace(self._path)
            _sync_directory(self._path.parent)
        except OSError:
            os.close(fd)
            raise
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._size, self._records = fd, len(data), len(lines)

    async def append(self, *records: Record) -> None:
        """Write records; return when they are durable.

        Raises:
            TryAgainError: the disk refused; nothing of it will be remembered.
        """
        if not records:
            return
        batch, at = self._batch, self._clock()
        batch.records += [(record, at) for record in records]
        self._something.set()
        await batch.written.wait()
        if batch.failure is not None:
            raise TryAgainError(
                f"the journal {self._path} cannot be written",
                details=f"{batch.failure.strerror}: free space on its file system",
            )

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Write batches as they come."""
        task_status.started()
        while True:
            await self._something.wait()
            self._something = trio.Event()
            batch, self._batch = self._batch, _Batch()
            # Not abandoned on cancellation: whoever waits must get an answer.
            with trio.CancelScope(shield=True):
                await self._write(batch)

    async def _write(self, batch: _Batch) -> None:
        lines = [encode_line([type(r).__name__, at, r]) for r, at in batch.records]
        try:
            await self._in_thread(self._commit, lines)
        except OSError as error:
            batch.failure = error
            log.error("journal_write_failed", path=str(self._path), reason=str(error))
            return
        else:
            for record, at in batch.records:
                self._memory.apply(record, at)
        finally:
            batch.written.set()
        if self._records > COMPACT_ABOVE_RECORDS:
            try:
                await self._in_thread(self._replace, self._snapshot())
            except OSError as error:
                log.warning("journal_not_compacted", reason=str(error))

    async def _in_thread(
        self, write: Callable[[list[bytes]], None], lines: list[bytes]
    ) -> None:
        await trio.to_thread.run_sync(write, lines, limiter=self._one_thread)

    def _commit(self, lines: list[bytes]) -> None:
        data = b"".join(lines)
        try:
            _write_all(self._fd, data)
            os.fdatasync(self._fd)
        except OSError:
            # Leave no half line behind for the next batch to stand after.
            os.ftruncate(self._fd, self._size)
            os.lseek(self._fd, self._size, os.SEEK_SET)
            raise
        self._size += len(data)
        self._records += len(lines)

    def remove(self) -> None:
        """Delete the file: everything was given back."""
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
