"""The API server: requests in, answers out, and what can be wrong with it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Any

import msgspec
import trio

from sim.kubernetes import access, reads, refusals
from sim.kubernetes.access import ADMIN, Caller
from sim.kubernetes.faults import Faults
from sim.kubernetes.refusals import RefusedError
from sim.kubernetes.resources import (
    CLUSTER_POLICIES,
    NODES,
    RESOURCES,
    Body,
    Resource,
    Route,
    route,
)
from sim.kubernetes.store import Backup, Store, Stored
from sim.kubernetes.ticks import Ticks
from sim.kubernetes.watching import Cut, Watch
from sim.kubernetes.writes import Writer
from vcnd.signals import Pulse

LEAST_SECONDS, MOST_SECONDS = 1800.0, 3600.0
"""A watch that asks for no end has one between these."""
PARTIAL = "as=PartialObjectMetadata"
VERBS = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}
CREATED = 201


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request."""

    method: str
    path: str
    query: Mapping[str, str] = {}
    token: str = ADMIN
    content_type: str = ""
    accept: str = ""
    content: bytes = b""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer."""

    code: int = 200
    body: bytes | Watch = b""
    retry_after: str = ""


class ApiServer:
    """An API server with its store.

    Attributes:
        faults: what is wrong with it.
        writes: writes without a request, for those who are inside the cluster.
    """

    def __init__(
        self,
        *,
        random: Random,
        clock: Callable[[], float] = trio.current_time,
        epoch: float = 1_800_000_000.0,
    ) -> None:
        """Make it.

        Args:
            random: for uids, names, bookmarks.
            clock: seconds since any moment; the default is that of trio's run.
            epoch: the Unix time at 0 of that clock.
        """
        self.random, self.faults = random, Faults()
        self.store, self._clock, self._epoch = Store(clock), clock, epoch
        self.writes = Writer(self.store, random=random, wall_clock=self.wall_clock)
        self.callers: dict[str, Caller] = {ADMIN: Caller(ADMIN)}
        """By their tokens."""
        self.asked: list[Request] = []
        """All requests, where ``notes`` is set."""
        self.notes = False
        self._kinds = {*RESOURCES}
        self._ticks = Ticks()
        self._looks = Pulse()
        self._watches: dict[Watch, Caller] = {}
        for name in ("default", "kube-system"):
            self.make("/api/v1/namespaces", {"metadata": {"name": name}})

    def wall_clock(self) -> float:
        """Return the Unix time."""
        return self._epoch + self._clock()

    # Requests

    def answer(self, request: Request) -> Answer:
        """Carry a request out, or refuse it."""
        if self.notes:
            self.asked.append(request)
        try:
            return self._answer(request)
        except RefusedError as error:
            return Answer(code=error.code, body=msgspec.json.encode(error.status))

    def _answer(self, request: Request) -> Answer:
        caller = self.callers.get(request.token)
        if caller is None:
            raise RefusedError(401, "Unauthorized")
        where = route(request.path)
        if where is None or where.resource not in self._kinds:
            raise refusals.no_such_path()
        if request.method == "GET":
            return self._read(request, caller, where)
        verb = VERBS.get(request.method, "")
        if not verb or (verb == "create") is bool(where.name):
            raise RefusedError(405, "the server does not allow this method")
        access.check(caller, verb, where)
        old = self.store.table(where.resource).objects.get(where.key)
        body = _decoded(request.content)
        before = old.body if old else {}
        access.check_own(caller, self._uid(caller), verb, where, before, body)
        return self._write(request, where, body)

    def _uid(self, caller: Caller) -> str:
        """Return the uid of a caller's Node: tokens are renewed with it."""
        node = self.store.table(NODES).objects.get(caller.node)
        return node.body["metadata"]["uid"] if node else ""

    def _write(self, request: Request, where: Route, body: Body) -> Answer:
        code = 200
        match request.method:
            case "POST":
                code, made = CREATED, self.writes.create(where, body)
            case "PATCH":
                kind = request.content_type
                made = self.writes.patch(where, body, kind)
            case "PUT":
                made = self.writes.replace(where, body)
            case _:
                grace = request.query.get("gracePeriodSeconds")
                seconds = None if grace is None else int(grace)
                made = self.writes.delete(where, grace=seconds, options=body)
        return Answer(code=code, body=made.data())

    def _read(self, request: Request, caller: Caller, where: Route) -> Answer:
        query, partial = request.query, PARTIAL in request.accept
        watches = query.get("watch") in ("1", "true")
        verb = "watch" if watches else "get" if where.name else "list"
        access.check(caller, verb, where)
        if where.name:
            found = self.writes.found(where)
            return Answer(body=found.data(metadata_only=partial))
        selected = reads.selection(where, query)
        if watches:
            watch = self._watch(query, selected, partial=partial)
            self._watches[watch] = caller
            return Answer(body=watch)
        lag = self.faults.lag_seconds
        page = reads.listed(self.store, selected, query, lag_seconds=lag)
        return Answer(body=page.data(where.resource, metadata_only=partial))

    def _watch(
        self, query: Mapping[str, str], selected: reads.Selection, *, partial: bool
    ) -> Watch:
        version = query.get("resourceVersion", "")
        if not (version or "0").isdecimal():
            raise RefusedError(400, f"resourceVersion: Invalid value: {version}")
        since = int(version or "0")
        seconds = float(query.get("timeoutSeconds") or 0)
        return Watch(
            self.store,
            selected,
            faults=self.faults,
            random=self.random,
            ticks=self._ticks,
            closed=self._ended,
            since=since or None,
            seconds=seconds or self.random.uniform(LEAST_SECONDS, MOST_SECONDS),
            metadata_only=partial,
            bookmarks=query.get("allowWatchBookmarks") == "true",
        )

    def _ended(self, watch: Watch) -> None:
        """Forget a watch."""
        self._watches.pop(watch, None)

    # Those inside the cluster

    def make(self, path: str, body: Body, *, uid: str = "") -> Body:
        """Create an object; return it."""
        return self.writes.create(_there(path), body, uid=uid).body

    def patch(self, path: str, body: Body, content_type: str = "") -> Body:
        """Patch an object or its status; return it."""
        kind = content_type or "application/merge-patch+json"
        return self.writes.patch(_there(path), body, kind).body

    def delete(self, path: str, *, grace: int | None = None) -> None:
        """Delete an object, or begin to."""
        self.writes.delete(_there(path), grace=grace)

    def objects(self, resource: Resource) -> Iterator[Stored]:
        """Yield the objects of a kind, as they are."""
        yield from self.store.table(resource).objects.values()

    # What can be wrong

    def issue(self, account: str, node: str = "") -> str:
        """Return a token of an account, bound to a Node."""
        token = f"{account}-{node}-{self.random.getrandbits(64):016x}"
        self.callers[token] = Caller(account, node)
        return token

    def revoke(self, token: str) -> None:
        """Refuse a token from now on."""
        self.callers.pop(token, None)

    def watches(self) -> list[Watch]:
        """Return the watches that are open."""
        return list(self._watches)

    def cut(self, how: Cut, *, share: float = 1.0, node: str = "") -> None:
        """End watches, or some of them, in a way: those of a node, or of all."""
        for watch, caller in list(self._watches.items()):
            if node not in ("", caller.node):
                continue
            if share >= 1.0 or self.random.random() < share:
                watch.cut(how)

    def hold(self) -> None:
        """Let connections stay open, and send nothing."""
        self.faults.is_silent = True

    def go_on(self) -> None:
        """End ``hold``."""
        self.faults.is_silent = False
        self.look_again()

    async def until_it_speaks(self) -> None:
        """Return unless it is silent, or when that has ended."""
        while self.faults.is_silent:
            await self._looks.wait()

    def look_again(self) -> None:
        """Let watches and requests see that other things are wrong with it now."""
        self._looks.send()
        for watch in self.watches():
            watch.wake()

    def set_lag(self, seconds: float) -> None:
        """Let the watch cache be behind by so long."""
        self.faults.lag_seconds = seconds
        self.look_again()

    def stop(self) -> None:
        """Refuse connections; those that are open break."""
        self.faults.is_away = True
        self.cut(Cut.RESET)

    def start(self) -> None:
        """Begin anew after ``stop``: with the store, but without the watch cache."""
        self.store.restart()
        self.faults.is_away = False

    def restore(self, backup: Backup) -> None:
        """Restore a backup of the store; the server is stopped until ``start``."""
        self.stop()
        self.store.restore(backup)

    def compact(self) -> None:
        """Let the store forget all versions but the newest."""
        self.store.compact()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Be stopped while the block runs."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def know_cluster_policies(self, *, known: bool) -> None:
        """Define ClusterNetworkPolicy, or delete the definition with its objects."""
        if known:
            self._kinds.add(CLUSTER_POLICIES)
            return
        self._kinds.discard(CLUSTER_POLICIES)
        for stored in list(self.objects(CLUSTER_POLICIES)):
            self.store.put(CLUSTER_POLICIES, stored.key, None)
        for watch in self.watches():
            if watch.selected.where.resource is CLUSTER_POLICIES:
                watch.cut(Cut.CLEANLY)
        self.store.drop(CLUSTER_POLICIES)


def _there(path: str) -> Route:
    found = route(path)
    assert found is not None, path
    return found


def _decoded(content: bytes) -> Body:
    if not content:
        return {}
    try:
        found: Any = msgspec.json.decode(content)
    except msgspec.MsgspecError as error:
        raise RefusedError(400, f"the body is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise RefusedError(400, "the body is no object")
    return found
