"""The events that browsers follow: a bounded past, and a bounded queue for each.

An event's id is ``EPOCH-NUMBER``.  A browser that lost its connection names the last id
that it has, and gets the later events.  If they are no longer kept, or belong to
another epoch, it gets a whole picture instead.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec
import trio

QUEUED = 256
"""Events that wait for one browser; one that is later is dropped, and comes back."""
KEPT_BYTES = 4 << 20
"""Size of the past, for browsers that come back."""
FOLLOWERS = 16
"""Browsers at a time."""


class TooManyFollowersError(Exception):
    """As many browsers as are allowed follow already."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event, in the form of server-sent events."""

    number: int
    text: bytes


@dataclass(slots=True)
class Follower:
    """One browser: its queue, and the scope of its answer."""

    queue: trio.MemoryReceiveChannel[bytes]
    inlet: trio.MemorySendChannel[bytes]
    reset: Callable[[], None] | None = None
    """Resets the browser's connection; None: the server cannot."""
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    is_dropped: bool = False

    def drop(self) -> None:
        """End the answer at once.

        The server may be in the middle of a write that cannot be cancelled: hence the
        reset.
        """
        self.is_dropped = True
        self.scope.cancel()
        if self.reset is not None:
            reset, self.reset = self.reset, None
            reset()


class Feed:
    """Owns the events and the browsers that follow them."""

    def __init__(self, epoch: str) -> None:
        self._epoch = epoch
        self._past: deque[Event] = deque()
        self._bytes = 0
        self._number = 0
        self._followers: list[Follower] = []

    @property
    def followers(self) -> int:
        """Return how many browsers follow."""
        return len(self._followers)

    def event(self, kind: str, value: object) -> bytes:
        """Return the text of an event that continues after the last one."""
        data = msgspec.json.encode(value)
        head = f"id: {self._epoch}-{self._number}\nevent: {kind}\ndata: "
        return head.encode() + data + b"\n\n"

    def publish(self, kind: str, value: object) -> None:
        """Give an event to all browsers, and keep it for those that come back."""
        self._number += 1
        event = Event(self._number, self.event(kind, value))
        self._past.append(event)
        self._bytes += len(event.text)
        while self._bytes > KEPT_BYTES:
            self._bytes -= len(self._past.popleft().text)
        for follower in self._followers:
            try:
                follower.inlet.send_nowait(event.text)
            except trio.WouldBlock:
                follower.drop()

    def begin(self, epoch: str) -> None:
        """Begin another epoch: no browser can continue from an earlier event."""
        self._epoch = epoch
        self._past.clear()
        self._bytes = 0

    def missed(self, last_id: str) -> list[bytes] | None:
        """Return the events after an id; None if they are not known (any more)."""
        epoch, _, number = last_id.rpartition("-")
        if epoch != self._epoch or not (number.isascii() and number.isdecimal()):
            return None
        last = int(number[:18])
        oldest = self._past[0].number if self._past else self._number + 1
        if not oldest - 1 <= last <= self._number:
            return None
        return [event.text for event in self._past if event.number > last]

    def close(self) -> None:
        """Drop all browsers."""
        for follower in self._followers:
            follower.drop()

    @contextmanager
    def follow(self, reset: Callable[[], None] | None = None) -> Iterator[Follower]:
        """Queue the events from now on for a browser, until the block ends.

        Args:
            reset: resets its connection.

        Raises:
            TooManyFollowersError: no more are allowed.
        """
        if len(self._followers) >= FOLLOWERS:
            raise TooManyFollowersError
        inlet, queue = trio.open_memory_channel[bytes](QUEUED)
        follower = Follower(queue, inlet, reset)
        self._followers.append(follower)
        try:
            yield follower
        finally:
            self._followers.remove(follower)
            inlet.close()
            queue.close()
