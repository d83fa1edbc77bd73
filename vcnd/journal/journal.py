"""The journal of one node: the ``Journal`` port on a file."""

import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Never

import trio
from msgspec.structs import replace
from outcome import Outcome

from vcnd.core.replay import KEEP_RELEASES_SECONDS, Replay
from vcnd.journal.batch import Batch, Entry
from vcnd.journal.disk import JournalFile
from vcnd.journal.files import Files, Start, in_thread
from vcnd.journal.meter import JournalMeter
from vcnd.journal.reading import (
    Header,
    JournalUnusableError,
    Reading,
    read,
    record_line,
    snapshot,
)
from vcnd.journal.refusal import refusal_of
from vcnd.log import log
from vcnd.model.errors import JournalError
from vcnd.model.metrics import MetricFamily
from vcnd.model.records import JournalLost, Record, RecoveredState

COMPACT_ABOVE_RECORDS = 4096
RETRY_SECONDS = 5.0
"""A refused write is tried again at this interval, even if nobody writes."""


def seconds_since_boot() -> float:
    """Return CLOCK_BOOTTIME: it runs on through suspend and daemon restarts."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class FileJournal:
    """The journal of one node; ``run`` must run for ``append`` to return."""

    def __init__(
        self,
        path: Path,
        *,
        boot_id: str,
        netns_cookie: int,
        clock: Callable[[], float] = seconds_since_boot,
        files: Files | None = None,
        start: Start = in_thread,
    ) -> None:
        """Make a journal; ``files`` and ``start`` are the kernel's unless given."""
        self._file = JournalFile(path, files)
        self._start_work = start
        self._header = Header(boot_id=boot_id, netns_cookie=netns_cookie)
        self._clock = clock
        self._replay = Replay()
        self._unknown: list[bytes] = []
        self._records = 0
        self._compact_above = COMPACT_ABOVE_RECORDS
        self._batch = Batch()
        self._in_flight: Batch | None = None
        self._loop: trio.lowlevel.TrioToken | None = None
        self._news = trio.Event()
        self._refused = ""
        self._removed = False
        self._is_durable = False  # whether the disk has taken all that was read
        self._meter = JournalMeter()

    # Start

    def open(self) -> RecoveredState:
        """Replay the file and compact it if the disk allows; return the replay.

        Raises:
            JournalUnusableError: a newer vcnd wrote it, it cannot be read, or another
                daemon uses it.
        """
        if not self._file.lock():
            raise JournalUnusableError(
                f"another vcnd uses the journal {self._file.path}",
                details="two daemons would give an address twice; stop the other one",
            )
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
        self._is_durable = self._file.is_known
        lost = reading is not None and reading.is_damaged
        return replace(self._replay.recovered(self._clock()), damaged=lost)

    def _start_without_compaction(
        self, refusal: OSError, data: bytes, reading: Reading | None
    ) -> None:
        """Append to the file as it is.

        If that is refused too, the daemon answers calls that need no write until the
        disk takes a new file.
        """
        log.warning("journal_not_compacted", reason=str(refusal))
        if reading is None or not reading.is_whole(self._header):
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
        if reading.is_damaged:
            # The new file has no trace of the damage, and this life may end at once.
            self._replay.apply(JournalLost(), self._clock())
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

    # Appending

    async def append(self, *records: Record) -> None:
        """Write records; return when they are durable (``Journal.append``)."""
        if records:
            entries = [Entry(r, self._clock()) for r in records]
            await self._durable(self._enqueue(entries))

    async def sync(self) -> None:
        """Return when what was read is durable (``Journal.sync``)."""
        if not self._is_durable:
            await self._durable(self._enqueue([]))

    async def write(self, record: Record) -> Callable[[], Awaitable[None]]:
        """Write a record; return when it outlives the daemon (``Journal.write``)."""
        batch = self._enqueue([Entry(record, self._clock())])
        if not batch.written.is_set():
            await batch.written.wait()
        if batch.failure is not None:
            raise self._refusal(batch.failure)
        return partial(self._durable, batch)

    async def write_in_any_case(self, record: Record, then: Callable[[], None]) -> None:
        """Write a record now or later (``Journal.write_in_any_case``)."""
        batch = self._enqueue([Entry(record, self._clock(), then)])
        if not batch.written.is_set():
            await batch.written.wait()

    async def _durable(self, batch: Batch) -> None:
        await batch.tried.wait()
        if batch.failure is not None:
            raise self._refusal(batch.failure)

    def _enqueue(self, entries: list[Entry]) -> Batch:
        batch = self._batch
        batch.entries += entries
        if self._loop is not None and self._in_flight is None:
            self._start(self._loop)
        return batch

    def _refusal(self, failure: OSError) -> JournalError:
        return refusal_of(self._file.path, failure)

    # Writing: one batch is in flight, the next one gathers

    async def run(
        self,
        report: Callable[[str], None],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> Never:
        """Let batches be written as they come, and repeat refused writes."""
        reported = ""
        self._loop = trio.lowlevel.current_trio_token()
        if self._batch.entries:
            self._start(self._loop)
        task_status.started()
        try:
            while True:
                if reported != self._refused:
                    report(reported := self._refused)
                with trio.move_on_after(RETRY_SECONDS if reported else float("inf")):
                    await self._news.wait()
                    self._news = trio.Event()
                    continue
                if self._in_flight is None:
                    self._start(self._loop)
        finally:
            self._loop = None
            # Not abandoned on cancellation: whoever waits must get an answer.
            with trio.CancelScope(shield=True):
                while self._in_flight is not None:
                    await self._in_flight.tried.wait()

    def _start(self, loop: trio.lowlevel.TrioToken) -> None:
        """Write the gathered records here, and let a thread make them durable.

        A thread is for what can take long: it costs two wake-ups.
        """
        batch, self._batch = self._batch, Batch()
        self._in_flight, batch.began = batch, self._clock()
        lines = [record_line((e.record, e.at)) for e in batch.entries]
        try:
            to_do = self._written(batch, lines)
        except OSError as error:
            self._settle(batch, error)
            return

        def work() -> OSError | None:
            try:
                to_do()
            except OSError as error:
                return error
            return None

        def deliver(result: Outcome[OSError | None]) -> None:
            loop.run_sync_soon(self._conclude, batch, result)

        self._start_work(work, deliver, "journal")

    def _written(self, batch: Batch, lines: list[bytes]) -> Callable[[], None]:
        """Write lines; return what makes them durable."""
        if self._removed:
            return lambda: None
        if not self._file.is_known:
            return lambda: self._compact(lines)
        if self._records > self._compact_above:
            return lambda: self._compact_or_append(lines)
        self._file.write(b"".join(lines))
        self._records += len(lines)
        batch.written.set()
        return self._file.sync

    def _conclude(self, batch: Batch, result: Outcome[OSError | None]) -> None:
        self._settle(batch, result.unwrap())

    def _settle(self, batch: Batch, failure: OSError | None) -> None:
        """Tell a batch's outcome, and start the next one."""
        refused = self._refused
        took = self._clock() - batch.began
        self._meter.tried(len(batch.entries), took, refused=failure is not None)
        if failure is not None:
            self._note_failure(failure)
            batch.failure = failure
            # Records that must be written come before later ones.
            owed = [e for e in batch.entries if e.then is not None]
        else:
            owed = []
            self._refused, self._is_durable = "", True
            for entry in batch.entries:
                self._replay.apply(entry.record, entry.at)
                if entry.then is not None:
                    entry.then()
        self._in_flight = None
        batch.written.set()
        batch.tried.set()
        if refused != self._refused:
            self._news.set()
        newer = bool(self._batch.entries)
        self._batch.entries[:0] = owed
        if self._loop is not None and newer:
            self._start(self._loop)

    def _note_failure(self, error: OSError) -> None:
        refusal = str(self._refusal(error))
        if refusal != self._refused:
            log.error("journal_write_failed", reason=refusal)
        self._refused = refusal

    def _compact_or_append(self, lines: list[bytes]) -> None:
        try:
            self._compact(lines)
        except OSError as error:
            log.warning("journal_not_compacted", reason=str(error))
            if not self._file.is_known:
                raise
            self._file.write(b"".join(lines))
            self._file.sync()
            self._records += len(lines)
        # If compaction helped little, do not repeat it at each write.
        self._compact_above = max(COMPACT_ABOVE_RECORDS, 2 * self._records)

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

    def families(self) -> Iterator[MetricFamily]:
        """Yield the journal's metrics."""
        return self._meter.families(writable=not self._refused)

    def remove(self) -> None:
        """Delete the file: everything was released."""
        self._removed = True
        self._file.remove()

    def close(self) -> None:
        """Close the file; another daemon may use it."""
        self._file.close()
        self._file.unlock()
