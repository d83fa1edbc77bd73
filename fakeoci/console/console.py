"""The console of one cloud: looks at it while somebody looks at the page."""

import secrets
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import islice, takewhile
from typing import Any, Never, Protocol

import trio

from fakeoci.api.service import Service
from fakeoci.console import faults
from fakeoci.console.calls import CallLine, Calls
from fakeoci.console.feed import Feed, Follower
from fakeoci.console.network_map import Entry, change, entries
from fakeoci.console.pressure import Pressure

LOOK_SECONDS = 0.25
FLOW_SECONDS = 1.0
SAMPLE_SECONDS = 5.0
LINGER_SECONDS = 30.0
"""After the last browser has gone, so that it can come back to where it was."""
SHARE_OF_TIME = 0.1
"""At most so much of the time is spent on the map: a large one changes more rarely."""
CALLS_SHOWN = 200
"""Calls of one look, and those that a new browser gets; the page keeps no more."""
FLOWS_SHOWN = 20
"""Looks at flows that a new browser gets."""


class Flows(Protocol):
    """The flows of a cloud that has packets (``fakeoci.console.flows``)."""

    def watching(self) -> AbstractContextManager[None]:
        """Note dropped packets until the block ends."""

    def renew(self) -> None:
        """Note that the world has changed, and with it the rules."""

    async def look(self, now: float) -> object | None:
        """Return the flows with packets since the last look; None if there are none."""


class Console:
    """Owns the feed; ``run`` fills it."""

    def __init__(
        self, service: Service, flows: Flows | None = None, epoch: str = ""
    ) -> None:
        """Take what is shown.

        Args:
            service: the cloud.
            flows: of its packets; None if it has none.
            epoch: the first epoch of the feed; made up if left out.
        """
        self.service = service
        self.feed = Feed(epoch or secrets.token_hex(4))
        self._flows = flows
        self._calls = Calls(service.world)
        self._last_call = 0
        self._last_calls: deque[CallLine] = deque(maxlen=CALLS_SHOWN)
        self._last_flows: deque[object] = deque(maxlen=FLOWS_SHOWN)
        self._pressure = Pressure(service.world)
        self._entries: dict[str, Entry] = {}
        self._occupants: dict[str, str] = {}
        self._faults: tuple[list[dict[str, Any]], bool] = ([], False)
        self._is_stale = True
        self._wanted = trio.Event()
        self._is_looking = False

    # Browsers

    @contextmanager
    def follow(
        self, last_id: str, reset: Callable[[], None] | None = None
    ) -> Iterator[tuple[Follower, list[bytes]]]:
        """Let a browser follow; yield its queue, and the events to begin with.

        Args:
            last_id: of the last event that it has; empty for none.
            reset: resets its connection.

        Raises:
            TooManyFollowersError: no more browsers are allowed.
        """
        missed = self.feed.missed(last_id) if last_id else None
        if missed is None:
            self._wake()
            missed = [self.feed.event("picture", self.picture())]
        with self.feed.follow(reset) as follower:
            self._wanted.set()
            yield follower, missed

    def _wake(self) -> None:
        """Bring what is known to the present, for a whole picture."""
        if not self._is_looking:
            self._is_stale = True
        self.look()

    def picture(self) -> dict[str, Any]:
        """Return everything that the page shows."""
        world = self.service.world
        return {
            "at": self.service.clock(),
            "region": world.region,
            "hasFlows": self._flows is not None,
            "choices": faults.choices(),
            "map": list(self._entries.values()),
            "occupants": self._occupants,
            "calls": list(self._last_calls),
            "flows": list(self._last_flows),
            "pressure": self._pressure.history(),
            "faults": self._fault_picture(),
        }

    def _fault_picture(self) -> dict[str, Any]:
        active, is_frozen = self._faults
        return {"active": active, "isFrozen": is_frozen}

    # Looking

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Fill the feed while browsers follow; always take samples of pressure."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._sample)
                task_status.started()
                while True:
                    await self._wanted.wait()
                    await self._look_until_nobody()
                    # Events are not recorded now, so no browser can continue from here.
                    self.feed.begin(secrets.token_hex(4))
        finally:
            self.feed.close()
        raise AssertionError("the loop above never ends")

    async def _look_until_nobody(self) -> None:
        with ExitStack() as stack:
            if self._flows is not None:
                stack.enter_context(self._flows.watching())
            stack.enter_context(self._looking())
            async with trio.open_nursery() as looks:
                looks.start_soon(self._follow_world)
                if self._flows is not None:
                    looks.start_soon(self._follow_flows, self._flows)
                await self._until_nobody()
                looks.cancel_scope.cancel()

    @contextmanager
    def _looking(self) -> Iterator[None]:
        world = self.service.world
        self._is_looking = self._is_stale = True
        world.listeners.append(self._ring)
        try:
            yield
        finally:
            world.listeners.remove(self._ring)
            self._is_looking = False

    def _ring(self) -> None:
        self._is_stale = True

    async def _until_nobody(self) -> None:
        """Return when no browser has followed for a while."""
        last_seen = trio.current_time()
        while trio.current_time() - last_seen < LINGER_SECONDS:
            await trio.sleep(1)
            if self.feed.followers:
                last_seen = trio.current_time()
        self._wanted = trio.Event()

    async def _sample(self) -> None:
        while True:
            fresh = self._pressure.sample(self.service.clock())
            if self._is_looking:
                self.feed.publish("pressure", fresh)
            await trio.sleep(SAMPLE_SECONDS)

    async def _follow_world(self) -> None:
        while True:
            began = trio.current_time()
            self.look()
            spent = trio.current_time() - began
            await trio.sleep(max(LOOK_SECONDS, spent / SHARE_OF_TIME))

    async def _follow_flows(self, flows: Flows) -> None:
        while True:
            found = await flows.look(self.service.clock())
            if found is not None:
                self._last_flows.append(found)
                self.feed.publish("flows", found)
            await trio.sleep(FLOW_SECONDS)

    def look(self) -> None:
        """Publish what has changed: calls, map, names of occupants, faults."""
        self._look_at_calls()
        if self._is_stale:
            self._is_stale = False
            if self._flows is not None:
                self._flows.renew()
            fresh = entries(self.service.world)
            found = change(self._entries, fresh)
            self._entries = fresh
            if found:
                self.feed.publish("map", found)
        if self._occupants != self.service.occupants:
            self._occupants = dict(self.service.occupants)
            self.feed.publish("occupants", self._occupants)
        now = faults.active(self.service), self.service.world.frozen
        if now != self._faults:
            self._faults = now
            self.feed.publish("faults", self._fault_picture())

    def _look_at_calls(self) -> None:
        newest = islice(reversed(self.service.records), CALLS_SHOWN)
        fresh = list(takewhile(lambda r: r.number > self._last_call, newest))
        if not fresh:
            return
        left_out = fresh[-1].number - self._last_call - 1
        self._last_call = fresh[0].number
        lines = [self._calls.line(record) for record in reversed(fresh)]
        self._last_calls.extend(lines)
        self.feed.publish("calls", {"lines": lines, "leftOut": left_out})
