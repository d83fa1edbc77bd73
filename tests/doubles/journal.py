"""A journal in memory: what a disk would hold, it holds."""

from typing import Never

import trio

from vcnd.core.memory import Memory
from vcnd.model.records import Record, Remembered


class MemoryJournal:
    """Keeps records; give the same one to the daemon's next life."""

    def __init__(self) -> None:
        self.records: list[tuple[Record, float]] = []
        self.removed = False

    def open(self) -> Remembered:
        memory = Memory()
        for record, at in self.records:
            memory.apply(record, at)
        return memory.remembered(trio.current_time())

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        task_status.started()
        await trio.sleep_forever()
        raise AssertionError

    async def append(self, *records: Record) -> None:
        await trio.lowlevel.checkpoint()
        self.records += [(record, trio.current_time()) for record in records]

    def remove(self) -> None:
        self.removed = True
