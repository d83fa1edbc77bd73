"""Selectors, and lists in pages."""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from sim.kubernetes.refusals import RefusedError, continue_expired, too_large
from sim.kubernetes.resources import Body, Resource, Route
from sim.kubernetes.store import Store, Stored

Query = Mapping[str, str]


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which objects a request is about."""

    where: Route
    fields: tuple[tuple[str, str, bool], ...] = ()
    """Fields, values, and whether they are to be equal."""

    @property
    def index(self) -> tuple[str, str]:
        """Return a field and its value, which all of them have; empty: none."""
        for field, value, equal in self.fields:
            if equal:
                return field, value
        return "", ""

    def has(self, found: Stored | None) -> bool:
        """Return True if an object is one of them."""
        if found is None:
            return False
        body, resource = found.body, self.where.resource
        namespace = self.where.namespace
        if namespace and body["metadata"]["namespace"] != namespace:
            return False
        return all(
            (resource.fields[field](body) == value) is equal
            for field, value, equal in self.fields
        )


def selection(where: Route, query: Query) -> Selection:
    """Return which objects a request is about.

    Raises:
        RefusedError: the kind has no such field.
        NotImplementedError: it selects by labels, which nobody here does.
    """
    if query.get("labelSelector"):
        raise NotImplementedError("selection by labels")
    fields = []
    for part in filter(None, query.get("fieldSelector", "").split(",")):
        field, sign, value = part.partition("=")
        equal = not field.endswith("!")
        field = field.removesuffix("!")
        if not sign or field not in where.resource.fields:
            raise RefusedError(400, f"field label not supported: {field}")
        fields.append((field, value.removeprefix("="), equal))
    return Selection(where=where, fields=tuple(fields))


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A list, or a part of one."""

    revision: int
    items: list[Stored]
    token: str = ""
    """Asks for the rest; empty: there is none."""

    def data(self, resource: Resource, *, metadata_only: bool) -> bytes:
        """Return it as JSON."""
        meta: Body = {"resourceVersion": str(self.revision)}
        if self.token or resource.merged is None:
            # Of custom resources Go writes it in any case.
            meta["continue"] = self.token
        kind, version = f"{resource.kind}List", resource.group_version
        if metadata_only:
            kind, version = "PartialObjectMetadataList", "meta.k8s.io/v1"
        head = {"kind": kind, "apiVersion": version, "metadata": meta}
        items = b",".join(x.data(metadata_only=metadata_only) for x in self.items)
        return b'%s,"items":[%s]}' % (msgspec.json.encode(head)[:-1], items)


def listed(
    store: Store, selected: Selection, query: Query, *, lag_seconds: float
) -> Page:
    """Return a list, or a page of one.

    Args:
        store: the objects.
        selected: which of them.
        query: the request's.
        lag_seconds: the server's watch cache is behind by so long; a list of any
            version may come from there.

    Raises:
        RefusedError: the token for the next page is too old, or the version too new.
    """
    asked = query.get("resourceVersion", "")
    limit = int(query.get("limit") or 0)
    token, start, table = (
        query.get("continue", ""),
        "",
        store.table(selected.where.resource),
    )
    if token:
        revision, start = _read_token(token)
        if revision < 0:
            revision = store.revision
        elif revision < store.compacted:
            raise continue_expired(_token(-1, start))
    elif asked == "0":
        # Any version: from the watch cache, and whole.
        revision, limit = store.visible(lag_seconds), 0
    else:
        revision = store.revision
        if asked and int(asked) > revision:
            raise too_large(int(asked), revision)
    objects = table.snapshot(revision)
    found = [objects[k] for k in sorted(objects) if k > start]
    found = [x for x in found if selected.has(x)]
    if not limit or len(found) <= limit:
        return Page(revision=revision, items=found)
    items = found[:limit]
    return Page(revision=revision, items=items, token=_token(revision, items[-1].key))


def _token(revision: int, start: str) -> str:
    parts = {"v": "meta.k8s.io/v1", "rv": revision, "start": start}
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).decode()


def _read_token(token: str) -> tuple[int, str]:
    try:
        found: Any = msgspec.json.decode(base64.urlsafe_b64decode(token))
        return int(found["rv"]), str(found["start"])
    except (ValueError, KeyError, TypeError, msgspec.MsgspecError) as error:
        raise RefusedError(400, "continue key is not valid") from error
