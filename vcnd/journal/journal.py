"""The journal of one node: the ``Journal`` port on a file."""

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Never

import structlog
import trio

from vcnd.core.replay import Replay
from vcnd.journal.disk import JournalFile
from vcnd.journal.reading import (
    FORMAT_VERSION,
    Header,
    JournalUnusableError,
    Reading,
    read,
    record_line,
    snapshot,
)
from vcnd.model.errors import JournalError
from vcnd.model.records import Record, RecoveredState

log = structlog.get_logger()

COMPACT_ABOVE_RECORDS = 4096
KEEP_RELEASES_SECONDS = 3600.0
RETRY_SECONDS = 5.0
"""A refused write is tried again at this interval, even if nobody writes."""
REMEDIES = {
    errno.ENOSPC: "free space on its file system",
    errno.EDQUOT: "raise the quota of its file system, or free space",
    errno.EROFS: "mount its file system read-write",
    errno.EIO: "look for disk errors in the kernel's log",
}


def seconds_since_boot() -> float:
    """Return CLOCK_BOOTTIME: it runs on through suspend and daemon restarts."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A record to be written."""

    record: Record
    at: float
    then: Callable[[], None] | None = None
    """Called once the record is durable.  A record with it is never dropped."""


@dataclass(slots=True)
class _Batch:
    """Appends that one sync will cover."""

    entries: list[_Entry] = field(default_factory=list)
    tried: trio.Event = field(default_factory=trio.Event)
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
        self._file = JournalFile(path)
        self._header = Header(boot_id=boot_id, netns_cookie=netns_cookie)
        self._clock = clock
        self._replay = Replay()
        self._unknown: list[bytes] = []
        self._records = 0
        self._compact_above = COMPACT_ABOVE_RECORDS
        self._batch = _Batch()
        self._something = trio.Event()
        self._one_thread = trio.CapacityLimiter(1)
        self._refused = ""
        self._removed = False

    # Start

    def open(self) -> RecoveredState:
        """Replay the file and compact it if the disk allows; return the replay.

        Raises:
            JournalUnusableError: a newer vcnd wrote it, or it cannot be read.
        """
        try:
            data = self._file.read()
        except OSError as error:
            raise JournalUnusableError(
                f"the journal {self._file.path} cannot be read", details=str(error)
            ) from error
        reading = None if data is None else self._read(data)
        try:
            self._compact()
        except OSError as error:
            self._start_without_compaction(error, data or b"", reading)
        recovered = self._replay.recovered(self._clock())
        lost = reading is not None and reading.is_damaged
        return replace(recovered, damaged=lost)

    def _start_without_compaction(
        self, refusal: OSError, data: bytes, reading: Reading | None
    ) -> None:
        """Append to the file as it is.

        If that is refused too, the daemon answers calls that need no write until the
        disk takes a new file.
        """
        log.warning("journal_not_compacted", reason=str(refusal))
        if reading is None or not self._is_whole(reading):
            self._note_failure(refusal)
            return
        try:
            self._file.resume(len(data) - len(reading.torn))
        except OSError as error:
            self._note_failure(error)

    def _read(self, data: bytes) -> Reading:
        reading = read(data, str(self._file.path))
        self._replay, self._unknown = reading.replay, reading.unknown
        self._report(reading, data)
        # Leases end by a witness: a boot that is known to be another one.  If no
        # header is left they stay, and the kernel says which of them still live.
        if reading.header is not None and reading.header != self._header:
            log.info("journal_leases_void", reason="the node was started anew")
            self._replay.void_leases(self._ended_at(reading.header))
        return reading

    def _ended_at(self, former: Header) -> float:
        """Return the time by which the sandboxes of a former life were gone."""
        another_boot = former.boot_id != self._header.boot_id
        return 0.0 if another_boot else self._clock()

    def _report(self, reading: Reading, data: bytes) -> None:
        path = str(self._file.path)
        if reading.is_damaged:
            log.error(
                "journal_damaged",
                path=path,
                lines=len(reading.damaged),
                bytes=sum(map(len, reading.damaged)),
                of_bytes=len(data),
                header=reading.header is not None,
                kept=self._file.keep_aside(".damaged", data),
            )
        if reading.unknown:
            log.warning("journal_lines_unknown", path=path, lines=len(reading.unknown))
        if reading.torn:
            log.warning(
                "journal_tail_cut",
                path=path,
                bytes=len(reading.torn),
                kept=self._file.keep_aside(".cut", reading.torn),
            )

    def _is_whole(self, reading: Reading) -> bool:
        """Return True if the file can be appended to as it is."""
        ours = (reading.header, reading.version) == (self._header, FORMAT_VERSION)
        return ours and not reading.is_damaged

    # Appending

    async def append(self, *records: Record) -> None:
        """Write records; return when they are durable (``Journal.append``)."""
        if not records:
            return
        batch = self._enqueue([_Entry(r, self._clock()) for r in records])
        await batch.tried.wait()
        if batch.failure is not None:
            raise self._refusal(batch.failure)

    async def append_in_any_case(
        self, record: Record, then: Callable[[], None]
    ) -> None:
        """Write a record now or later (``Journal.append_in_any_case``)."""
        batch = self._enqueue([_Entry(record, self._clock(), then)])
        await batch.tried.wait()

    def _enqueue(self, entries: list[_Entry]) -> _Batch:
        self._batch.entries += entries
        self._something.set()
        return self._batch

    def _refusal(self, failure: OSError) -> JournalError:
        remedy = REMEDIES.get(failure.errno or 0, "")
        reasons = (failure.strerror or str(failure), remedy)
        return JournalError(
            f"the journal {self._file.path} cannot be written",
            details=": ".join(s for s in reasons if s),
        )

    # Background work

    async def run(
        self,
        report: Callable[[str], None],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> Never:
        """Write batches as they come, and repeat refused writes."""
        reported = ""
        task_status.started()
        while True:
            if reported != self._refused:
                reported = self._refused
                report(reported)
            with trio.move_on_after(RETRY_SECONDS if reported else float("inf")):
                await self._something.wait()
            self._something = trio.Event()
            batch, self._batch = self._batch, _Batch()
            # Not abandoned on cancellation: whoever waits must get an answer.
            with trio.CancelScope(shield=True):
                await self._write(batch)

    async def _write(self, batch: _Batch) -> None:
        lines = [record_line((e.record, e.at)) for e in batch.entries]
        try:
            await self._in_thread(lambda: self._commit(lines))
        except OSError as error:
            self._note_failure(error)
            batch.failure = error
            # Records that must be written come before later ones.
            owed = [e for e in batch.entries if e.then is not None]
            self._batch.entries[:0] = owed
        else:
            self._refused = ""
            for entry in batch.entries:
                self._replay.apply(entry.record, entry.at)
                if entry.then is not None:
                    entry.then()
        finally:
            batch.tried.set()
        if self._records > self._compact_above:
            await self._try_to_compact()

    async def _try_to_compact(self) -> None:
        try:
            await self._in_thread(self._compact)
        except OSError as error:
            log.warning("journal_not_compacted", reason=str(error))
        # If compaction helped little, do not repeat it at each write.
        self._compact_above = max(COMPACT_ABOVE_RECORDS, 2 * self._records)

    def _note_failure(self, error: OSError) -> None:
        refusal = str(self._refusal(error))
        if refusal != self._refused:
            log.error("journal_write_failed", reason=refusal)
        self._refused = refusal

    async def _in_thread(self, write: Callable[[], None]) -> None:
        await trio.to_thread.run_sync(write, limiter=self._one_thread)

    def _commit(self, lines: list[bytes]) -> None:
        if self._removed:
            return
        if self._file.is_known:
            self._file.append(b"".join(lines))
            self._records += len(lines)
        else:
            self._compact(lines)

    def _compact(self, lines: list[bytes] | None = None) -> None:
        """Write the shortest file of the same content, and lines behind it."""
        there = snapshot(
            self._replay,
            self._header,
            self._unknown,
            cooled_before=self._clock() - KEEP_RELEASES_SECONDS,
        )
        there += lines or []
        self._file.replace(b"".join(there))
        self._records = len(there)

    def remove(self) -> None:
        """Delete the file: everything was released."""
        self._removed = True
        self._file.remove()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
