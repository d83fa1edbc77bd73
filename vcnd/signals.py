"""What tasks wait for: three kinds of signals."""

import trio


class Latch:
    """Stays set until one waiter has returned."""

    def __init__(self) -> None:
        self._event = trio.Event()

    def set(self) -> None:
        """Set it; a second call before a waiter returns changes nothing."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        """Return True if the next waiter would return at once."""
        return self._event.is_set()

    async def wait(self) -> None:
        """Return when it has been set since the last return, and clear it."""
        await self._event.wait()
        self._event = trio.Event()


class Pulse:
    """Wakes every task that waits now; later waiters wait for the next pulse."""

    def __init__(self) -> None:
        self._event = trio.Event()

    def send(self) -> None:
        """Wake all waiting tasks."""
        self._event.set()
        self._event = trio.Event()

    async def wait(self) -> None:
        """Return at the next pulse."""
        await self._event.wait()


class Bell:
    """Loses no ring between a reconciliation's first line and its next wait.

    Any number of tasks may listen.
    """

    def __init__(self) -> None:
        self._event = trio.Event()

    def ring(self) -> None:
        """Set the event that was taken last."""
        self._event.set()

    def take(self) -> trio.Event:
        """Return the event of the next ring.  Take it before you read the state."""
        if self._event.is_set():
            self._event = trio.Event()
        return self._event
