"""List, then watch, for ever: one kind of object kept as the API server has it."""

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Generic, Never, TypeVar

import msgspec
import structlog
import trio

from vcnd.core.backoff import delays
from vcnd.kube.client import KubeClient
from vcnd.kube.errors import ExpiredError, KubeError
from vcnd.kube.watch import Cache
from vcnd.kube.wire import Object

log = structlog.get_logger()

T = TypeVar("T", bound=Object)

SILENCE_SECONDS = 150.0
"""A watch that says nothing for so long is dead: bookmarks come every minute."""
LEAST_WATCH_SECONDS = 240
"""The server ends a watch after this, up to twice as long."""
MOST_WAIT_SECONDS = 30.0


class Reflector(Generic[T]):
    """Keeps a cache; ``changed`` is called after each change."""

    def __init__(
        self,
        client: KubeClient,
        kind: type[T],
        *,
        path: str,
        selector: str,
        random: Random,
        changed: Callable[[], None],
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._client = client
        self._path = path
        self._selector = {"fieldSelector": selector} if selector else {}
        self._random = random
        self._changed = changed
        self._silence_seconds = silence_seconds
        self.cache: Cache[T] = Cache(kind)

    async def run(self) -> Never:
        """Follow the server, whatever happens to it."""
        waits = self._new_waits()
        while True:
            try:
                if not self.cache.resource_version:
                    await self._list()
                await self._watch()
                waits = self._new_waits()
            except ExpiredError as error:
                # Everybody's version expires at once when etcd is compacted: spread.
                self.cache.resource_version = ""
                log.info("watch_expired", path=self._path, reason=str(error))
                await trio.sleep(self._random.uniform(0, 1.0))
            except (KubeError, msgspec.MsgspecError) as error:
                after = getattr(error, "retry_after_seconds", 0.0)
                pause = after + next(waits)
                log.warning(
                    "cluster_retry",
                    path=self._path,
                    reason=str(error),
                    seconds=round(pause, 1),
                )
                await trio.sleep(pause)

    def _new_waits(self) -> Iterator[float]:
        return delays(self._random, first_seconds=0.5, most_seconds=MOST_WAIT_SECONDS)

    async def _list(self) -> None:
        # From the server's watch cache at first: cheap for it.  When our version has
        # expired, from etcd: the cache could hand the same old one out again.
        fresh: Mapping[str, str] = {} if self.cache.synced else {"resourceVersion": "0"}
        body = await self._client.get(self._path, {**self._selector, **fresh})
        self.cache.listed(body)
        self._changed()

    async def _watch(self) -> None:
        """Watch until the server ends it, or says nothing for too long."""
        seconds = LEAST_WATCH_SECONDS + self._random.randrange(LEAST_WATCH_SECONDS)
        query = {
            **self._selector,
            "allowWatchBookmarks": "true",
            "resourceVersion": self.cache.resource_version,
            "timeoutSeconds": str(seconds),
        }
        failure: Exception | None = None
        # Left by this scope alone: a generator left by break, or by an error in the
        # body of the loop, stays open.
        with trio.CancelScope(
            deadline=trio.current_time() + self._silence_seconds
        ) as silence:
            async with self._client.watch(self._path, query) as lines:
                async for line in lines:
                    silence.deadline = trio.current_time() + self._silence_seconds
                    try:
                        if line and self.cache.line(line):
                            self._changed()
                    except (KubeError, msgspec.MsgspecError) as error:
                        failure = error
                        silence.cancel()
        if failure is not None:
            raise failure
        if silence.cancelled_caught:
            raise KubeError(
                f"watch {self._path}",
                message=f"silent for {self._silence_seconds:.0f} s; connecting again",
            )
