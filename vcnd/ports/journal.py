"""What outlives daemon and node."""

from collections.abc import Awaitable, Callable
from typing import Never, Protocol

import trio

from vcnd.model.records import Record, RecoveredState


class Journal(Protocol):
    """Durable memory.  Records become durable in the order in which they come."""

    def open(self) -> RecoveredState:
        """Return the state that earlier lives of the daemon wrote."""

    async def run(
        self,
        report: Callable[[str], None],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> Never:
        """Write appended records.

        Args:
            report: called with the reason when the disk refuses, and with an empty
                text when it works again.
            task_status: reports the start.
        """

    async def append(self, *records: Record) -> None:
        """Write records; return when they are durable.

        Raises ``JournalError`` if the disk refuses; then none of them is kept.  If
        cancelled, they may be kept or not.
        """

    async def sync(self) -> None:
        """Return when what ``open`` returned is durable.

        An earlier life may have written it to a disk that refused to keep it.  Raises
        ``JournalError`` if the disk still refuses.
        """

    async def write(self, record: Record) -> Callable[[], Awaitable[None]]:
        """Write a record; return when it outlives the daemon.

        What it returns waits until it outlives the node too, and raises
        ``JournalError`` if the disk refuses that; then it may be kept or not.  Raises
        ``JournalError`` if the disk refuses the write; then it is not kept.
        """

    async def write_in_any_case(self, record: Record, then: Callable[[], None]) -> None:
        """Write a record; return when it outlives the daemon, or was refused.

        Args:
            record: it precedes all later ones, and is kept even if the disk refuses
                or the caller is cancelled.
            then: called once it is durable, now or as soon as the disk takes it.
        """

    def remove(self) -> None:
        """Delete the journal: the node holds nothing any more.

        Raises:
            JournalError: the disk refuses.
        """
