"""List, then watch, for ever: keep a cache of one kind of object up to date."""

from collections.abc import Callable, Mapping, Sequence
from math import inf
from random import Random
from typing import Generic, Never, TypeVar

import trio

from vcnd.core.backoff import Backoff
from vcnd.kubeapi.cache import Cache, Skipped
from vcnd.kubeapi.client import JSON, KubeClient
from vcnd.kubeapi.doubt import Doubt
from vcnd.kubeapi.errors import ExpiredError, KubeError
from vcnd.kubeapi.follow_counts import FollowCounts
from vcnd.kubeapi.wire import Object
from vcnd.log import log
from vcnd.model.cause import Cause, Fault

T = TypeVar("T", bound=Object)

SILENCE_SECONDS = 150.0
"""A watch without a line for this long is dead: bookmarks come every minute."""
LEAST_WATCH_SECONDS = 240
"""The server ends a watch after this, up to twice as long."""
EARLY_SECONDS = 10.0
"""A watch that ends so long before its time was cut: the server may have stopped."""
SHORT_WATCH_SECONDS = 5.0
"""After a watch that ends sooner the next one waits, longer each time."""
MOST_WAIT_SECONDS = 30.0
FAILING_SECONDS = 30.0
"""A restarted server is back by then; a longer failure is reported."""
MOST_RETRY_AFTER_SECONDS = 120.0
"""A longer Retry-After is cut to this."""
TIMEOUT = 504
TOO_LARGE = "Too large resource version"
"""What a server answers that has no such version (API concepts, "Unavailable resource
versions")."""


class Reflector(Generic[T]):
    """Keeps a cache up to date."""

    def __init__(
        self,
        client: KubeClient,
        cache: Cache[T],
        *,
        path: str,
        selector: str,
        random: Random,
        synced: Callable[[], None],
        changed: Callable[[Sequence[T]], None],
        metadata_only: bool = False,
        page: int = 0,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        """Configure the reflector; ``run`` does the work.

        Args:
            client: the way to the API server.
            cache: is kept up to date.
            path: of the objects.
            selector: field selector; empty: all objects.
            random: for jitter.
            synced: called when the first list is there.
            changed: called with the objects that changed since the last call; with
                none when one was skipped.
            metadata_only: whether the server is asked to send no spec and status.
            page: lists come in pages of so many objects, and only one of them is in
                memory as it was sent; 0: a list comes whole.
            silence_seconds: a watch without a line for so long is opened again.
        """
        self._client = client
        self.cache = cache
        self._path = path
        self._selector = {"fieldSelector": selector} if selector else {}
        self._random = random
        self._synced = synced
        self._changed = changed
        self._metadata_only = metadata_only
        self._page = page
        self._silence_seconds = silence_seconds
        self._known_skipped: Mapping[str, Skipped] = {}
        self._awaited = False
        self._expired = False
        """Whether the last watch ended with 410, and none has lasted since."""
        self._doubt = Doubt(random)
        self._opened = 0.0
        """When the last watch was opened."""
        self._failing_since = inf
        self.counts = FollowCounts()
        self.failure: Fault | None = None
        """Why the server cannot be followed; None until that has lasted a while."""

    def await_newer(self, version: str) -> None:
        """Count any newer version as a change: a write of an older one was refused.

        The reader must reconcile again, even if the fields that it reads are the same.
        """
        found = list(self.cache.objects.values())
        if any(version == x.metadata.resource_version for x in found):
            self._awaited = True
        else:
            self._changed(found)  # it was here before the refusal

    async def run(self) -> Never:
        """Follow the server for ever; failures lead to another try."""
        backoff = Backoff(self._random, most_seconds=MOST_WAIT_SECONDS)
        while True:
            self._opened, after = inf, 0.0
            failure: Fault | None = None
            is_news = False
            try:
                await self._be_sure()
                self._opened = trio.current_time()
                await self._watch()
            except ExpiredError as error:
                # A compaction of etcd ends all watches at once: spread the lists.
                log.info("watch_expired", path=self._path, reason=str(error))
                self.cache.resource_version = ""
                after = self._random.uniform(0, 1.0)
                # A server that was away for long says so once: list then, and do not
                # wait as for a server that fails.
                is_news, self._expired = not self._expired, True
            except KubeError as error:
                failure = Fault(error.cause, str(error))
                after = min(error.retry_after_seconds, MOST_RETRY_AFTER_SECONDS)
                self._doubt.rise(trio.current_time())
            lived = max(0.0, trio.current_time() - self._opened)
            if lived >= SHORT_WATCH_SECONDS:
                self._note_success()
                backoff.reset()
                self._expired &= is_news
            elif not is_news:
                ended = f"the watch ended after {lived:.1f} s"
                failure = failure or Fault(Cause.SERVER_ERROR, ended)
            if failure is not None:
                self._note_failure(failure)
                after += backoff.next_delay()
                log.warning(
                    "cluster_retry",
                    path=self._path,
                    cause=failure.cause,
                    reason=failure.reason,
                    seconds=round(after, 1),
                )
            await trio.sleep(after)

    def _note_failure(self, failure: Fault) -> None:
        now = trio.current_time()
        self.counts.failures[failure.cause] += 1
        self._failing_since = min(self._failing_since, now)
        if now - self._failing_since < FAILING_SECONDS:
            return
        is_news = self.failure is None
        self.failure = failure
        if is_news:
            self._changed(())

    def _note_success(self) -> None:
        self._failing_since = inf
        if self.failure is not None:
            self.failure = None
            self._changed(())

    def _accept(self, kind: str) -> str:
        return _partial(kind) if self._metadata_only else JSON

    async def _be_sure(self) -> None:
        """List if that is needed; see to it that the server has our version.

        Raises:
            ExpiredError: it has not.
        """
        if self._doubt.wants_list(trio.current_time()):
            self.cache.resource_version = ""
        if not self.cache.resource_version:
            await self._list()
        elif self._doubt.is_open:
            await self._compare()

    async def _compare(self) -> None:
        """Ask the server whether it has our version: it may have gone back.

        The answer has one object, and of that the metadata alone.  Without the
        selector: a server may read all objects until it finds one that is selected.
        """
        query = {
            "limit": "1",
            "resourceVersion": self.cache.resource_version,
            "resourceVersionMatch": "NotOlderThan",
        }
        accept = _partial("PartialObjectMetadataList")
        try:
            await self._client.get(self._path, query, accept=accept)
        except KubeError as error:
            if error.status == TIMEOUT and TOO_LARGE in error.message:
                raise ExpiredError(
                    f"watch {self._path}",
                    status=error.status,
                    reason="the server has gone back, as after a restore of a backup",
                    message=error.message,
                ) from error
            raise
        self._doubt.settle()

    async def _list(self) -> None:
        first = not self.cache.synced
        self.counts.lists += 1
        if self._page:
            await self._list_pages()
        else:
            # From the server's watch cache at first: cheap for it.  When our version
            # has expired, from etcd: the cache could hand the same old one out again.
            await self._get({"resourceVersion": "0"} if first else {})
        self._tell(self.cache.finish())
        self._doubt.end()
        if first:
            self._synced()

    async def _list_pages(self) -> None:
        # Of a version as old as the cache's the server sends a whole list, whatever
        # the limit.  So this asks for the newest one.
        limit = {"limit": str(self._page)}
        token = await self._get(limit)
        while token:
            try:
                token = await self._get({**limit, "continue": token}, first=False)
            except ExpiredError as error:
                # A compaction of etcd.  As the API's rules want it, and as client-go
                # does, the list begins again, in one piece.
                log.info("list_expired", path=self._path, reason=str(error))
                token = await self._get({})

    async def _get(self, query: Mapping[str, str], *, first: bool = True) -> str:
        """Take a list in, or a page of one; return what asks for the next page."""
        body = await self._client.get(
            self._path,
            {**self._selector, **query},
            accept=self._accept("PartialObjectMetadataList"),
        )
        return self.cache.take_page(body, first=first)

    def _tell(self, changes: Sequence[T]) -> None:
        """Pass changes on, and name the objects that were skipped."""
        known, self._known_skipped = self._known_skipped, dict(self.cache.skipped)
        for key, skipped in self._known_skipped.items():
            if known.get(key) != skipped:
                log.warning(
                    "cluster_object_skipped",
                    kind=self.cache.name,
                    name=skipped.name,
                    reason=skipped.reason,
                )
        if changes or known != self._known_skipped:
            self._changed(changes)

    async def _watch(self) -> None:
        """Watch until the server ends it, or says nothing for too long."""
        seconds = LEAST_WATCH_SECONDS + self._random.randrange(LEAST_WATCH_SECONDS)
        query = {
            **self._selector,
            "allowWatchBookmarks": "true",
            "resourceVersion": self.cache.resource_version,
            "timeoutSeconds": str(seconds),
        }
        accept = self._accept("PartialObjectMetadata")
        failure: KubeError | None = None
        # Left by this scope alone: a generator left by break, or by an error in the
        # body of the loop, stays open.
        with trio.CancelScope(
            deadline=trio.current_time() + self._silence_seconds
        ) as silence:
            async with self._client.watch(self._path, query, accept=accept) as lines:
                self.counts.watches += 1
                async for line in lines:
                    self.counts.heard_at = trio.current_time()
                    silence.deadline = trio.current_time() + self._silence_seconds
                    try:
                        if line:
                            self._take_in(line)
                    except KubeError as error:
                        failure = error
                        silence.cancel()
        if failure is not None:
            raise failure
        if silence.cancelled_caught:
            raise KubeError(
                f"watch {self._path}",
                message=f"silent for {self._silence_seconds:.0f} s; connecting again",
            )
        if trio.current_time() < self._opened + seconds - EARLY_SECONDS:
            self._doubt.rise(trio.current_time())

    def _take_in(self, line: str | bytes) -> None:
        before = self.cache.resource_version
        changes = self.cache.apply_line(line)
        if trio.current_time() - self._opened >= SHORT_WATCH_SECONDS:
            self._note_success()
        if self._awaited and self.cache.resource_version != before:
            self._awaited = False
            changes = changes or list(self.cache.objects.values())
        self._tell(changes)


def _partial(kind: str) -> str:
    """Ask for metadata alone; a server that does not support it sends whole objects."""
    return f"{JSON};as={kind};v=v1;g=meta.k8s.io,{JSON}"
