"""Watches: what is told, when, and how they end."""

from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from enum import StrEnum
from math import inf
from random import Random

import msgspec
import trio

from sim.kubernetes import refusals
from sim.kubernetes.faults import Faults
from sim.kubernetes.reads import Selection
from sim.kubernetes.resources import Body
from sim.kubernetes.store import Change, Store, line
from sim.kubernetes.ticks import Ticks
from vcnd.web import NoAnswerError

BOOKMARK_SECONDS = 60.0
BEFORE_END_SECONDS = 2.0
"""The last bookmark comes so long before a watch's own end."""


class Cut(StrEnum):
    """How a watch ends before its time."""

    CLEANLY = "cleanly"
    """As at the end of its time."""
    RESET = "reset"
    """The connection breaks between two lines."""
    MID_LINE = "mid-line"
    """The connection breaks in the middle of a line."""
    ENDS_MID_LINE = "ends mid-line"
    """The body ends in the middle of a line, as behind a bad proxy."""
    EXPIRED = "expired"
    """The server says 410 in the stream."""
    BROKEN = "broken"
    """The server says 500 in the stream."""


class Watch:
    """A watch: a body that goes on."""

    def __init__(
        self,
        store: Store,
        selected: Selection,
        *,
        faults: Faults,
        random: Random,
        ticks: Ticks,
        closed: Callable[["Watch"], None],
        since: int | None,
        seconds: float,
        metadata_only: bool,
        bookmarks: bool,
    ) -> None:
        """Open it.

        Args:
            store: the objects.
            selected: which of them.
            faults: what is wrong with the server.
            random: spreads bookmarks.
            ticks: wake it.
            closed: is called when the client has left.
            since: the version to go on from; None: the objects of now come first.
            seconds: it ends after that.
            metadata_only: whether of objects the metadata alone are told.
            bookmarks: whether versions are told while nothing else is.
        """
        self._store, self._selected, self._faults = store, selected, faults
        self._table = store.table(selected.where.resource)
        self._metadata_only, self._closed = metadata_only, closed
        self._ticks, self._wakes_at = ticks, inf
        self._due: deque[Change] = deque()
        self._first: list[bytes] = []
        self._news = trio.Event()
        self._cut: Cut | None = None
        now = trio.current_time()
        self._ends_at = now + seconds
        self._bookmark_at = inf
        if bookmarks:
            spread = BOOKMARK_SECONDS * random.uniform(0.75, 1.0)
            self._bookmark_at = self._next_bookmark(now, spread)
        self._since = store.revision if since is None else since
        self._error: Body | None = None
        if since is None:
            self._first = [
                line("ADDED", x.data(metadata_only=metadata_only))
                for x in self._table.objects.values()
                if selected.has(x)
            ]
        elif since < self._table.oldest:
            self._error = refusals.too_old(since, self._table.oldest)
        else:
            # What is newer than now is passed over until it is there.
            self._due += (x for x in self._table.window if x.revision > since)
        self._table.listen(self, *selected.index)

    @property
    def selected(self) -> Selection:
        """Return which objects it is about."""
        return self._selected

    def hear(self, change: Change) -> None:
        """Take a change."""
        if change.revision > self._since:
            self._due.append(change)
            self._news.set()

    def cut(self, how: Cut) -> None:
        """End it."""
        self._cut = how
        self._news.set()

    def wake(self) -> None:
        """Look again at what the server does to watches."""
        self._news.set()

    async def aclose(self) -> None:
        """Hear no more."""
        self._closed(self)
        self._table.leave(self, *self._selected.index)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield lines, as many at once as there are."""
        if self._first:
            yield b"".join(self._first)
        while True:
            self._news = trio.Event()
            at = self._next_at()
            if at > trio.current_time():
                if self._due:  # the watch cache is behind
                    with trio.move_on_at(at):
                        await self._news.wait()
                else:
                    self._wake_at(at)
                    await self._news.wait()
                continue
            if self._cut is not None:
                if told := self._last_words():
                    yield told
                self._break_off()
                return
            if chunk := b"".join(self._lines()):
                yield chunk
            elif self._error is not None:
                yield line("ERROR", msgspec.json.encode(self._error))
                return
            elif trio.current_time() >= self._ends_at:
                return

    def _wake_at(self, when: float) -> None:
        if when not in (inf, self._wakes_at):
            self._wakes_at = when
            self._ticks.call_at(when, self.wake)

    def _last_words(self) -> bytes:
        """Return the line that it ends with, or a part of it, if any."""
        if self._cut in (Cut.MID_LINE, Cut.ENDS_MID_LINE):
            self._bookmark_at = -inf
            lines = b"".join(self._lines()) or line("BOOKMARK", self._bookmark())
            return lines[: lines.index(b"\n") // 2]
        if self._cut is Cut.EXPIRED:
            error = refusals.too_old(self._since, self._store.revision)
        elif self._cut is Cut.BROKEN:
            error = refusals.status(500, "etcdserver: leader changed")
        else:
            return b""
        return line("ERROR", msgspec.json.encode(error))

    def _break_off(self) -> None:
        """Raise what a client gets whose connection breaks."""
        if self._cut is Cut.RESET:
            raise NoAnswerError("ReadError: connection reset by peer")
        if self._cut is Cut.MID_LINE:
            raise NoAnswerError("RemoteProtocolError: peer closed connection mid-chunk")

    def _lines(self) -> Iterator[bytes]:
        now = trio.current_time()
        lag = self._faults.lag_seconds
        while self._due and self._due[0].at + lag <= now:
            change = self._due.popleft()
            self._since = change.revision
            has = self._selected.has
            old, new = has(change.old), has(change.new)
            yield change.line(old, new, metadata_only=self._metadata_only)
        if now >= self._bookmark_at:
            self._bookmark_at = self._next_bookmark(now, BOOKMARK_SECONDS)
            visible = self._store.visible(lag)
            # Of a version that is not there yet a server tells nothing at all.
            if visible >= self._since:
                self._since = visible
                yield line("BOOKMARK", self._bookmark())

    def _next_bookmark(self, now: float, pause: float) -> float:
        last = self._ends_at - BEFORE_END_SECONDS
        if now < last < now + pause:
            return last
        return now + pause

    def _bookmark(self) -> bytes:
        resource, version = self._selected.where.resource, str(self._since)
        kind, group = resource.kind, resource.group_version
        if self._metadata_only:
            kind, group = "PartialObjectMetadata", "meta.k8s.io/v1"
        meta = {"resourceVersion": version}
        return msgspec.json.encode(
            {"kind": kind, "apiVersion": group, "metadata": meta}
        )

    def _next_at(self) -> float:
        """Return when it has something to do, unless there are news before."""
        if self._faults.is_silent:
            return inf
        if self._error is not None or self._cut is not None:
            return -inf
        found = min(self._bookmark_at, self._ends_at)
        if self._due:
            found = min(found, self._due[0].at + self._faults.lag_seconds)
        return found
