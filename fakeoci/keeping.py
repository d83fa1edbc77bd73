"""The state file of a served fake: written soon after each change, and at the end."""

import os
from pathlib import Path
from typing import Never

import trio

from fakeoci.api.service import Service

SOON_SECONDS = 0.5
"""Changes that come together are written together."""


class StateFile:
    """Keeps a file up to date with a service's world."""

    def __init__(self, service: Service, path: Path) -> None:
        self._service = service
        self._path = path
        self._changed = trio.Event()
        service.world.listeners.append(self._on_change)

    def _on_change(self) -> None:
        self._changed.set()

    def read(self) -> bool:
        """Load the file's state; return True if there was one.

        Raises:
            StateError: it cannot be used; the file is left as it is.
            OSError: it cannot be read.
        """
        if not self._path.exists():
            return False
        self._service.restore(self._path.read_bytes())
        return True

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Write changes until cancelled; then write once more."""
        task_status.started()
        try:
            while True:
                await self._changed.wait()
                await trio.sleep(SOON_SECONDS)
                self._changed = trio.Event()
                self.write()
        finally:
            self.write()

    def write(self) -> None:
        """Write the whole state; a reader sees the old file or the new one."""
        staging = self._path.with_name(f"{self._path.name}.new")
        with staging.open("wb") as file:
            file.write(self._service.dump())
            file.flush()
            os.fsync(file.fileno())
        staging.replace(self._path)
