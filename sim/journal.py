"""A journal in memory: it keeps the records that a disk would keep."""

from collections.abc import Awaitable, Callable
from typing import Never

import trio
from msgspec.structs import replace

from vcnd.core.replay import Replay
from vcnd.model.errors import JournalError
from vcnd.model.records import Record, RecoveredState

RETRY_SECONDS = 5.0


class MemoryJournal:
    """Keeps records; a test gives the same journal to the daemon's next life."""

    def __init__(self) -> None:
        self.records: list[tuple[Record, float]] = []
        self.removed = False
        self.damaged = False
        self.full = False
        """True if the disk refuses."""
        self.seconds = 0.0
        """How long a write takes."""
        self.unsafe = False
        """True if the disk takes records and does not keep them."""
        self._booted_at: float | None = None
        self._owed: list[tuple[Record, float, Callable[[], None]]] = []

    def open(self) -> RecoveredState:
        self._owed.clear()
        replay = Replay()
        for record, at in self.records:
            replay.apply(record, at)
        if self._booted_at is not None:
            replay.void_leases(self._booted_at)
        recovered = replay.recovered(trio.current_time())
        return replace(recovered, damaged=self.damaged)

    async def sync(self) -> None:
        """Return at once: records are kept as they come."""

    def boot(self) -> None:
        """Boot the node again: its sandboxes are gone."""
        self._booted_at = trio.current_time()

    async def run(
        self,
        tell: Callable[[str], None],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> Never:
        task_status.started()
        told = False
        while True:
            if told != self.full:
                told = self.full
                tell("the disk is full" if told else "")
            if not self.full:
                self._pay()
            await trio.sleep(RETRY_SECONDS)

    async def append(self, *records: Record) -> None:
        if not records:
            return
        at = trio.current_time()
        await trio.sleep(self.seconds)
        if self.full:
            raise JournalError("the disk is full")
        self._pay()
        self.records += [(record, at) for record in records]

    async def write(self, record: Record) -> Callable[[], Awaitable[None]]:
        at = trio.current_time()
        if self.full:
            raise JournalError("the disk is full")
        self._pay()
        self.records.append((record, at))

        async def durable() -> None:
            await trio.sleep(self.seconds)
            if self.unsafe:
                raise JournalError("the disk did not keep it")

        return durable

    async def write_in_any_case(self, record: Record, then: Callable[[], None]) -> None:
        self._owed.append((record, trio.current_time(), then))
        await trio.sleep(self.seconds)
        if not self.full:
            self._pay()

    def _pay(self) -> None:
        owed, self._owed = self._owed, []
        for record, at, then in owed:
            self.records.append((record, at))
            then()

    def remove(self) -> None:
        self.removed = True
        self.records.clear()
