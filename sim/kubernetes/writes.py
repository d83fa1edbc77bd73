"""What becomes of a write: the rules of the API server for each kind.

Sources: staging/src/k8s.io/apiserver/pkg/registry/rest (create, update, delete) and
pkg/registry/core of Kubernetes 1.34; API conventions.
"""

import zlib
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import IPv4Address
from itertools import pairwise
from random import Random
from typing import Any

from sim.kubernetes import refusals
from sim.kubernetes.patches import merged, strategic
from sim.kubernetes.refusals import RefusedError
from sim.kubernetes.resources import (
    EVENTS,
    NAMESPACES,
    NODES,
    PODS,
    SERVICES,
    Body,
    Resource,
    Route,
)
from sim.kubernetes.schema import flaws, pruned, schema_of
from sim.kubernetes.store import Store, Stored, changed

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
"""What ``generateName`` is completed with."""
DEFAULT_GRACE = 30
EVENT_SECONDS = 3600.0
"""An Event is kept for this long."""
ENDED = ("Succeeded", "Failed")
COUNTING = "spec"
"""A change of this part raises ``metadata.generation``."""


class Writer:
    """Carries writes out, or refuses them."""

    def __init__(
        self, store: Store, *, random: Random, wall_clock: Callable[[], float]
    ) -> None:
        self._store, self._random, self._wall_clock = store, random, wall_clock
        self._events: deque[tuple[float, str]] = deque()
        """When Events were made, and their keys."""

    def create(self, where: Route, body: Body, *, uid: str = "") -> Stored:
        """Create an object.

        Args:
            where: its collection.
            body: as it is sent.
            uid: one that somebody has drawn already; empty: none.

        Raises:
            RefusedError: it is there, or its namespace is not, or it is wrong.
        """
        resource = where.resource
        meta: Body = dict(body.get("metadata") or {})
        name = meta.get("name") or self._generated(meta)
        if not name:
            raise refusals.invalid(resource, "", "name or generateName is required")
        if resource.namespaced:
            if meta.setdefault("namespace", where.namespace) != where.namespace:
                raise RefusedError(400, "the namespaces of object and request differ")
            self._check_namespace(where)
        key = resource.key(where.namespace, name)
        if key in self._store.table(resource).objects:
            raise refusals.exists_already(resource, name)
        meta |= {
            "name": name,
            "uid": uid or self._uid(),
            "creationTimestamp": self.timestamp(),
        }
        if resource not in (NODES, EVENTS, PODS):
            meta["generation"] = 1
        if resource is EVENTS:
            self._end_events(key)
        head = {"apiVersion": resource.group_version, "kind": resource.kind}
        made = {**body, **head, "metadata": meta}
        return self._put(resource, key, _begun(resource, made))

    def _end_events(self, new: str) -> None:
        """Delete the Events whose time is over; note a new one."""
        now, objects = self._wall_clock(), self._store.table(EVENTS).objects
        self._events.append((now, new))
        while self._events[0][0] < now - EVENT_SECONDS:
            _, key = self._events.popleft()
            if key in objects:
                self._store.put(EVENTS, key, None)

    def _generated(self, meta: Body) -> str:
        start = meta.get("generateName")
        suffix = "".join(self._random.choice(SUFFIX) for _ in range(5))
        return f"{start}{suffix}" if start else ""

    def _check_namespace(self, where: Route) -> None:
        found = self._store.table(NAMESPACES).objects.get(where.namespace)
        if found is None:
            raise refusals.not_found(NAMESPACES, where.namespace)
        if found.body["metadata"].get("deletionTimestamp"):
            why = f"namespace {where.namespace} is being terminated"
            raise refusals.forbidden(where.resource, "create", why)

    def patch(self, where: Route, patch: Body, content_type: str) -> Stored:
        """Patch an object, or its status.

        Raises:
            RefusedError: it is not there, or is another version, or gets wrong.
        """
        old, resource = self.found(where), where.resource
        if content_type == MERGE:
            new = merged(old.body, patch)
        elif content_type == STRATEGIC and resource.merged is not None:
            new = strategic(old.body, patch, resource.merged)
        else:
            raise RefusedError(415, f"{content_type} is not supported")
        return self._update(where, old, new)

    def replace(self, where: Route, body: Body) -> Stored:
        """Replace an object, or its status; refusals are those of ``patch``."""
        old, meta = self.found(where), dict(body.get("metadata") or {})
        if not meta.get("resourceVersion"):
            if where.resource.merged is None:
                why = "metadata.resourceVersion: must be specified for an update"
                raise refusals.invalid(where.resource, where.name, why)
            meta["resourceVersion"] = str(old.revision)
        kept = {k: old.body["metadata"][k] for k in ("uid", "creationTimestamp")}
        return self._update(where, old, {**body, "metadata": {**kept, **meta}})

    def found(self, where: Route) -> Stored:
        """Return an object.

        Raises:
            RefusedError: it is not there.
        """
        found = self._store.table(where.resource).objects.get(where.key)
        if found is None:
            raise refusals.not_found(where.resource, where.name)
        return found

    def _update(self, where: Route, old: Stored, new: Body) -> Stored:
        resource, before = where.resource, old.body
        meta = dict(new["metadata"])
        if meta.get("resourceVersion") != before["metadata"]["resourceVersion"]:
            raise refusals.conflict(resource, where.name)
        for name in ("uid", "name"):
            if meta.get(name) != before["metadata"][name]:
                why = f"metadata.{name}: field is immutable"
                raise refusals.invalid(resource, where.name, why)
        new = _parted(where, before, {**new, "metadata": meta})
        if not changed(before, new):
            return old
        if "generation" in meta and new.get(COUNTING) != before.get(COUNTING):
            new["metadata"]["generation"] += 1
        if meta.get("deletionTimestamp") and not self._is_kept(resource, new):
            return self._store.put(resource, old.key, None)
        return self._put(resource, old.key, new)

    def _put(self, resource: Resource, key: str, body: Body) -> Stored:
        schema = schema_of(resource)
        if schema is not None:
            parts = {k: body[k] for k in schema["properties"] if k in body}
            for flaw in flaws(schema, parts):
                raise refusals.invalid(resource, body["metadata"]["name"], flaw)
            body = {**body, **pruned(schema, parts)}
        return self._store.put(resource, key, body)

    def delete(
        self, where: Route, *, grace: int | None = None, options: Body | None = None
    ) -> Stored:
        """Delete an object, or begin to.

        Args:
            where: names it.
            grace: a pod gets so many seconds to end; None: as many as it asks for.
            options: the request's body; its preconditions are observed.

        Raises:
            RefusedError: it is not there, or is another one.
        """
        old, resource = self.found(where), where.resource
        wanted: Any = (options or {}).get("preconditions") or {}
        for name in ("uid", "resourceVersion"):
            if (
                wanted.get(name, old.body["metadata"][name])
                != old.body["metadata"][name]
            ):
                raise refusals.conflict(resource, where.name)
        if grace is None:
            grace = (options or {}).get("gracePeriodSeconds")
        seconds = _grace(resource, old.body, grace)
        meta = dict(old.body["metadata"])
        given = meta.get("deletionGracePeriodSeconds")
        if resource is PODS and given is not None and given <= seconds and seconds:
            return old  # it ends already
        if resource is not PODS and resource is not NAMESPACES:
            if not meta.get("finalizers"):
                return self._store.put(resource, old.key, None)
        elif resource is PODS:
            meta["deletionGracePeriodSeconds"] = seconds
        meta["deletionTimestamp"] = self.timestamp(seconds)
        new = {**old.body, "metadata": meta}
        if resource is NAMESPACES:
            new["status"] = {**old.body["status"], "phase": "Terminating"}
        # A pod that ends at once is changed first, too.
        told = self._store.put(resource, old.key, new)
        if self._is_kept(resource, new):
            return told
        return self._store.put(resource, old.key, None)

    def _is_kept(self, resource: Resource, body: Body) -> bool:
        """Return True if an object that is being deleted stays for now."""
        meta = body["metadata"]
        if meta.get("finalizers"):
            return True
        if resource is NAMESPACES:
            return bool(body["spec"].get("finalizers"))
        return resource is PODS and meta.get("deletionGracePeriodSeconds", 0) > 0

    def timestamp(self, after: float = 0.0) -> str:
        """Return the time, or one after it, as Kubernetes writes it."""
        at = datetime.fromtimestamp(self._wall_clock() + after, UTC)
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")

    def _uid(self) -> str:
        bits = f"{self._random.getrandbits(128):032x}"
        cuts = (0, 8, 12, 16, 20, 32)
        return "-".join(bits[a:b] for a, b in pairwise(cuts))


def _begun(resource: Resource, body: Body) -> Body:
    """Return an object as it begins."""
    if resource is PODS:
        return {**body, "status": {"phase": "Pending"}}
    if resource is NAMESPACES:
        meta = body["metadata"]
        labels = {**meta.get("labels", {}), "kubernetes.io/metadata.name": meta["name"]}
        return {
            **body,
            "metadata": {**meta, "labels": labels},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        }
    if resource is SERVICES:
        number = zlib.crc32(body["metadata"]["name"].encode())
        ip = IPv4Address("10.96.0.0") + number % 65536
        return {**body, "spec": {**body.get("spec", {}), "clusterIP": str(ip)}}
    if resource.has_status and resource is not NODES:
        return {k: v for k, v in body.items() if k != "status"}
    return body


def _parted(where: Route, old: Body, new: Body) -> Body:
    """Return what a request may change: the status, or all the rest."""
    if not where.resource.has_status:
        return new
    if not where.part:
        return _with(new, "status", old)
    kept = _with(new, "spec", old)
    if where.resource.merged is None:
        # Of a custom resource the status alone.
        return {**old, **{k: v for k, v in kept.items() if k == "status"}}
    return kept


def _with(body: Body, part: str, of: Body) -> Body:
    others = {k: v for k, v in body.items() if k != part}
    return {**others, part: of[part]} if part in of else others


def _grace(resource: Resource, body: Body, asked: int | None) -> int:
    if resource is not PODS:
        return 0
    if not body["spec"].get("nodeName") or body["status"].get("phase") in ENDED:
        return 0
    if asked is not None:
        return asked
    own: int = body["spec"].get("terminationGracePeriodSeconds", DEFAULT_GRACE)
    return own
