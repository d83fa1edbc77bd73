"""One sandbox, one call at a time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

import trio

from vcnd.model.sandbox import SandboxKey


class Turns:
    """Locks by sandbox.  Weak, so that a lock lives as long as somebody waits on it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[SandboxKey, trio.Lock] = WeakValueDictionary()
        self._busy: dict[SandboxKey, int] = {}

    @asynccontextmanager
    async def turn(self, key: SandboxKey) -> AsyncIterator[None]:
        """Wait for the sandbox's turn and hold it."""
        lock = self._locks.setdefault(key, trio.Lock())
        self._busy[key] = self._busy.get(key, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self._busy[key] -= 1
            if not self._busy[key]:
                del self._busy[key]

    def busy(self) -> set[SandboxKey]:
        """Return the sandboxes that a call is working on or waiting for."""
        return set(self._busy)
