"""Objects with versions, and what has happened to them: etcd and the watch cache.

Sources: Kubernetes API concepts, "Efficient detection of changes" and "Resource
versions"; staging/src/k8s.io/apiserver/pkg/storage/cacher of Kubernetes 1.34.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec

from sim.kubernetes.resources import Body, Resource

COMPACTION_SECONDS = 300.0
"""etcd forgets what is older than this, and up to twice as old, each time."""
FRESH_SECONDS = 75.0
"""The watch cache keeps events that are younger (``eventFreshDuration``) …"""
LEAST_EVENTS = 100
"""… and the last ones of each resource in any case (``defaultLowerBoundCapacity``)."""


class Stored:
    """An object at a version; its bytes are made once."""

    __slots__ = ("_data", "_meta", "body", "key", "revision")

    def __init__(self, key: str, body: Body, revision: int) -> None:
        self.key, self.body, self.revision = key, body, revision
        self._data = self._meta = b""

    def data(self, *, metadata_only: bool = False) -> bytes:
        """Return the object, or its metadata alone, as JSON."""
        if metadata_only:
            self._meta = self._meta or msgspec.json.encode(_partial(self.body))
            return self._meta
        self._data = self._data or msgspec.json.encode(self.body)
        return self._data

    def at(self, revision: int) -> "Stored":
        """Return the object as an event of its end has it."""
        meta = {**self.body["metadata"], "resourceVersion": str(revision)}
        return Stored(self.key, {**self.body, "metadata": meta}, revision)


def _partial(body: Body) -> Body:
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": body["metadata"],
    }


class Change:
    """A change of an object; the lines that tell it are made once."""

    __slots__ = ("_lines", "at", "new", "old", "revision")

    def __init__(
        self, revision: int, at: float, old: Stored | None, new: Stored | None
    ) -> None:
        self.revision, self.at, self.old, self.new = revision, at, old, new
        self._lines: dict[tuple[str, bool], bytes] = {}

    def line(self, old: bool, new: bool, *, metadata_only: bool) -> bytes:
        """Return the line of a watch that selects the object before, after, or both.

        Empty: the watch is not concerned.
        """
        if new:
            kind = "MODIFIED" if old else "ADDED"
        elif old:
            kind = "DELETED"
        else:
            return b""
        made = self._lines.get((kind, metadata_only))
        if made is None:
            made = line(kind, self._told(kind).data(metadata_only=metadata_only))
            self._lines[kind, metadata_only] = made
        return made

    def _told(self, kind: str) -> Stored:
        told = self.new
        if kind == "DELETED":
            told = self.old.at(self.revision) if self.old else None
        assert told is not None
        return told


def line(kind: str, data: bytes) -> bytes:
    """Return a line of a watch."""
    return b'{"type":"%s","object":%s}\n' % (kind.encode(), data)


class Listener(Protocol):
    """Who hears of changes of a resource."""

    def hear(self, change: Change) -> None:
        """Take a change."""


class Table:
    """The objects of a resource."""

    def __init__(self, resource: Resource, revision: int) -> None:
        self.resource = resource
        self.objects: dict[str, Stored] = {}
        self.window: deque[Change] = deque()
        """What a watch can still be told."""
        self.oldest = revision
        """The least version that a watch can go on from."""
        self.past: deque[Change] = deque()
        """What lists of earlier versions are made by."""
        self._all: dict[Listener, None] = {}
        self._by_field: dict[str, dict[str, dict[Listener, None]]] = {}

    def listen(self, listener: Listener, field: str, value: str) -> None:
        """Tell a listener of changes: all, or those of objects with a field's value."""
        self._heard_by(field, value)[listener] = None

    def leave(self, listener: Listener, field: str, value: str) -> None:
        """Tell a listener no more."""
        self._heard_by(field, value).pop(listener, None)

    def _heard_by(self, field: str, value: str) -> dict[Listener, None]:
        if not field:
            return self._all
        return self._by_field.setdefault(field, {}).setdefault(value, {})

    def add(self, change: Change) -> None:
        """Take a change, and tell those whom it concerns."""
        self.window.append(change)
        self.past.append(change)
        self._forget(change.at)
        for listener in [*self._all, *self._concerned(change)]:
            listener.hear(change)

    def _concerned(self, change: Change) -> Iterable[Listener]:
        for field, by_value in self._by_field.items():
            read = self.resource.fields[field]
            sides = (x for x in (change.old, change.new) if x is not None)
            for value in dict.fromkeys(read(side.body) for side in sides):
                yield from by_value.get(value, ())

    def _forget(self, now: float) -> None:
        window = self.window
        while len(window) > LEAST_EVENTS and window[0].at < now - FRESH_SECONDS:
            window.popleft()
            self.oldest = window[0].revision - 1

    def told(self, until: float) -> int:
        """Return the version of the last event that a watch was told; 0: of none.

        Args:
            until: events of later are not told yet.
        """
        past = (x.revision for x in reversed(self.window) if x.at <= until)
        return next(past, 0)

    def restart(self, revision: int) -> None:
        """Forget what watches could be told: the server has started anew."""
        self.window.clear()
        self.oldest = revision

    def become(self, objects: Mapping[str, Stored], revision: int) -> None:
        """Have other objects, and no past: they come out of a backup."""
        self.objects = dict(objects)
        self.past.clear()
        self.restart(revision)

    def compact(self, revision: int) -> None:
        """Forget what lists of versions before this one need."""
        while self.past and self.past[0].revision <= revision:
            self.past.popleft()

    def snapshot(self, revision: int) -> Mapping[str, Stored]:
        """Return the objects as they were; the version is not compacted."""
        if not self.past or self.past[-1].revision <= revision:
            return self.objects
        found = dict(self.objects)
        for change in reversed(self.past):
            if change.revision <= revision:
                break
            stored = change.new or change.old
            assert stored is not None
            if change.old is None:
                found.pop(stored.key, None)
            else:
                found[stored.key] = change.old
        return found


class Backup(msgspec.Struct, frozen=True):
    """A snapshot of a store."""

    revision: int
    objects: Mapping[Resource, Mapping[str, Stored]]


class Store:
    """All objects; each change of one has the next version."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.revision = 1
        self.compacted = 0
        """The newest version that lists cannot be made of any more."""
        self._clock = clock
        self._tables: dict[Resource, Table] = {}
        self._marked, self._next = 0, COMPACTION_SECONDS

    def table(self, resource: Resource) -> Table:
        """Return the objects of a resource."""
        if resource not in self._tables:
            self._tables[resource] = Table(resource, self.revision)
        return self._tables[resource]

    def put(self, resource: Resource, key: str, body: Body | None) -> Stored:
        """Write an object, or delete it; return it as it is or was.

        Args:
            resource: its kind.
            key: what it is stored by.
            body: the object, which nobody changes any more; None: it goes.
        """
        self._tick()
        table = self.table(resource)
        old, new = table.objects.get(key), None
        self.revision += 1
        if body is None:
            table.objects.pop(key)
        else:
            version = {"resourceVersion": str(self.revision)}
            body = {**body, "metadata": {**body["metadata"], **version}}
            new = table.objects[key] = Stored(key, body, self.revision)
        table.add(Change(self.revision, self._clock(), old, new))
        told = new or (old and old.at(self.revision))
        assert told is not None
        return told

    def drop(self, resource: Resource) -> None:
        """Forget a resource with all its objects."""
        self._tables.pop(resource, None)

    def visible(self, lag_seconds: float) -> int:
        """Return the version that a server has which is behind by so long."""
        if not lag_seconds:
            return self.revision
        until = self._clock() - lag_seconds
        newest = self.revision
        for table in self._tables.values():
            for change in reversed(table.past):
                if change.at <= until:
                    break
                newest = min(newest, change.revision - 1)
        return newest

    def compact(self) -> None:
        """Forget all versions but the newest."""
        self.compacted = self._marked = self.revision
        for table in self._tables.values():
            table.compact(self.compacted)

    def restart(self) -> None:
        """Forget what watches could be told."""
        for table in self._tables.values():
            table.restart(self.revision)

    def backup(self) -> Backup:
        """Return a snapshot."""
        found = self._tables.items()
        return Backup(self.revision, {kind: dict(t.objects) for kind, t in found})

    def restore(self, backup: Backup) -> None:
        """Go back to a snapshot: versions that were given since are given again."""
        self.revision = self.compacted = self._marked = backup.revision
        for resource, table in self._tables.items():
            table.become(backup.objects.get(resource, {}), self.revision)

    def _tick(self) -> None:
        now = self._clock()
        if now < self._next:
            return
        self._next = now + COMPACTION_SECONDS
        self.compacted, self._marked = self._marked, self.revision
        for table in self._tables.values():
            table.compact(self.compacted)


def changed(old: Any, new: Any) -> bool:
    """Return True if a write changes an object; the version does not count."""

    def bare(body: Body) -> Body:
        meta = body["metadata"]
        kept = {k: v for k, v in meta.items() if k != "resourceVersion"}
        return {**body, "metadata": kept}

    return bool(bare(old) != bare(new))
