"""One sandbox, one call at a time; a later call ends an earlier one that waits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

import trio

from vcnd.model.cause import Cause
from vcnd.model.errors import TryAgainError
from vcnd.model.sandbox import SandboxKey
from vcnd.turn import Turn


class Place:
    """An ADD's place among the calls of its sandbox, from its arrival on."""

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        self.kept = False
        self._overtaken_by = ""

    def keep(self) -> None:
        """Make the call final: the sandbox is about to hold an address.

        Raises:
            TryAgainError: a later call has come already.
        """
        self.check()
        self.kept = True

    def overtake(self, command: str) -> None:
        """End the call, unless it is final."""
        if not self.kept:
            self._overtaken_by = command
            self.scope.cancel()

    def check(self) -> None:
        """Raise ``TryAgainError`` if a later call has come."""
        if self._overtaken_by:
            raise TryAgainError(
                f"overtaken by {self._overtaken_by}",
                details="a later call of the same sandbox came while this one waited",
                cause=Cause.OVERTAKEN,
            )


class SandboxLocks:
    """Locks by sandbox.  Weak, so that a lock lives as long as somebody waits on it."""

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[SandboxKey, Turn] = WeakValueDictionary()
        self._busy: dict[SandboxKey, int] = {}
        self._places: dict[SandboxKey, list[Place]] = {}

    @asynccontextmanager
    async def hold(self, key: SandboxKey) -> AsyncIterator[None]:
        """Wait for the sandbox's lock and hold it."""
        turn = self._turns.setdefault(key, Turn())
        self._busy[key] = self._busy.get(key, 0) + 1
        try:
            async with turn:
                yield
        finally:
            self._busy[key] -= 1
            if not self._busy[key]:
                del self._busy[key]

    @asynccontextmanager
    async def hold_for_del(self, key: SandboxKey) -> AsyncIterator[None]:
        """End waiting ADDs, then wait for the sandbox's lock and hold it (DEL)."""
        self._overtake(key, "DEL")
        async with self.hold(key):
            yield

    @asynccontextmanager
    async def hold_for_add(self, key: SandboxKey) -> AsyncIterator[Place]:
        """Do the same; a later call before ``Place.keep`` ends this one (ADD).

        Raises:
            TryAgainError: a later call has come.
        """
        self._overtake(key, "ADD")
        place = Place()
        self._places.setdefault(key, []).append(place)
        try:
            with place.scope:
                async with self.hold(key):
                    yield place
        finally:
            self._places[key].remove(place)
            if not self._places[key]:
                del self._places[key]
        place.check()

    def _overtake(self, key: SandboxKey, command: str) -> None:
        for place in self._places.get(key, ()):
            place.overtake(command)

    def busy(self) -> set[SandboxKey]:
        """Return the sandboxes that a call is working on or waiting for."""
        return set(self._busy)
