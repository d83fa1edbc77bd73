"""The objects that a list and the lines of a watch add up to.  No I/O.

Source: Kubernetes API concepts, "Efficient detection of changes".  An object that
cannot be decoded is skipped and named: one object must not stop the watch of all.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from vcnd.foreign import UNDECODABLE
from vcnd.kubeapi.errors import KubeError, refusal
from vcnd.kubeapi.wire import ListMeta, Meta, Object, Status

T = TypeVar("T", bound=Object)

NULL = msgspec.Raw(b"null")
EXPIRED = 410


class _RawList(msgspec.Struct, kw_only=True):
    """A list whose items are decoded one by one; Go writes an empty one as null."""

    metadata: ListMeta
    items: list[msgspec.Raw] | None = None


class _RawEvent(msgspec.Struct, kw_only=True):
    """One line of a watch; the object is decoded when the type is known."""

    type: str
    object: msgspec.Raw = NULL


class Skipped(msgspec.Struct, frozen=True):
    """An object that was skipped."""

    name: str
    """``namespace/name`` as far as it can be read."""
    reason: str


class _Listed(Generic[T]):
    """The pages of a list that were taken in."""

    def __init__(self, resource_version: str = "") -> None:
        self.resource_version = resource_version
        self.objects: dict[str, T] = {}
        self.skipped: dict[str, Skipped] = {}


class Cache(Generic[T]):
    """Objects of one kind as of a resourceVersion.

    Args:
        kind: their type.
        trim: drops fields that nobody reads, so that their changes are none.
        key: returns an object's identity; the uid by default.
    """

    def __init__(
        self,
        kind: type[T],
        *,
        trim: Callable[[T], T] = lambda found: found,
        key: Callable[[Meta], str] = lambda meta: meta.uid,
    ) -> None:
        self._kind = kind
        self._trim = trim
        self._key = key
        self._list = msgspec.json.Decoder(_RawList)
        self._event = msgspec.json.Decoder(_RawEvent)
        self._object = msgspec.json.Decoder(kind)
        self._listed = _Listed[T]()
        self.objects: dict[str, T] = {}
        self.skipped: dict[str, Skipped] = {}
        """Objects that cannot be decoded, by key; their last readable versions stay."""
        self.resource_version = ""
        """To watch from; empty before the first list, and when it is too old."""
        self.synced = False

    @property
    def name(self) -> str:
        """Return the kind's name."""
        return self._kind.__name__

    @property
    def skipped_words(self) -> str:
        """Return a text that names the skipped objects and the reasons."""
        first = next(iter(self.skipped.values()))
        more = f" (and {len(self.skipped) - 1} more)" if len(self.skipped) > 1 else ""
        return f"{first.name} is skipped: {first.reason}{more}"

    def replace(self, body: bytes) -> list[T]:
        """Replace everything by a list; return the objects that changed.

        Raises:
            KubeError: the body is no list.
        """
        self.take_page(body, first=True)
        return self.finish()

    def take_page(self, body: bytes, *, first: bool) -> str:
        """Take in a page of a list; return what asks for the next one.

        Nothing is replaced before ``finish``, which comes after the last page: that
        one names no other.

        Args:
            body: the page.
            first: whether a list begins; what was taken in before is forgotten.

        Raises:
            KubeError: the body is no list.
        """
        try:
            answer = self._list.decode(body)
        except UNDECODABLE as error:
            raise self._garbage("list", error) from error
        if not answer.metadata.resource_version:
            raise self._garbage("list", ValueError("it has no resourceVersion"))
        if first:
            self._listed = _Listed(answer.metadata.resource_version)
        listed = self._listed
        for item in answer.items or []:
            found = self._decode(item, listed.skipped)
            if found is not None:
                key = self._key(found.metadata)
                listed.objects[key] = self._trim(found)
        return answer.metadata.token

    def finish(self) -> list[T]:
        """Replace everything by the pages; return the objects that changed."""
        listed, self._listed = self._listed, _Listed()
        known, objects = self.objects, listed.objects
        # An object that exists and cannot be decoded stays as it was.
        objects |= {k: known[k] for k in listed.skipped if k in known}
        self.objects, self.skipped = objects, listed.skipped
        self.resource_version = listed.resource_version
        self.synced = True
        gone = [found for key, found in known.items() if key not in objects]
        return gone + [
            found for key, found in objects.items() if _differ(known.get(key), found)
        ]

    def apply_line(self, text: str | bytes) -> list[T]:
        """Apply one line of a watch; return the objects that changed.

        Raises:
            ExpiredError: 410, list again.
            KubeError: another error in the stream, or no watch event.
        """
        try:
            event = self._event.decode(text)
        except UNDECODABLE as error:
            raise self._garbage("watch", error) from error
        match event.type:
            case "ERROR":
                raise self._error(event.object)
            case "ADDED" | "MODIFIED" | "DELETED":
                return self._change(event)
            case _:
                return self._pass_over(event)

    def _pass_over(self, event: _RawEvent) -> list[T]:
        # A bookmark, or a type that is newer than we are: only its version counts.
        meta = _meta(event.object)
        self._move_on(meta)
        if event.type != "BOOKMARK":
            reason = f"the watch has an event of unknown type {event.type[:32]!r}"
            self._skip(meta, reason, self.skipped)
        return []

    def _change(self, event: _RawEvent) -> list[T]:
        found = self._decode(event.object, self.skipped)
        if found is None:
            meta = _meta(event.object)
            self._move_on(meta)
            key = self._key(meta)
            if event.type == "DELETED":
                del self.skipped[key]
                return [self.objects.pop(key)] if key in self.objects else []
            return []
        key = self._key(found.metadata)
        self._move_on(found.metadata)
        self.skipped.pop(key, None)
        before = self.objects.pop(key, None)
        found = self._trim(found)
        if event.type == "DELETED":
            return [before or found]
        self.objects[key] = found
        return [found] if _differ(before, found) else []

    def _move_on(self, meta: Meta) -> None:
        self.resource_version = meta.resource_version or self.resource_version

    def _decode(self, raw: msgspec.Raw, skipped: dict[str, Skipped]) -> T | None:
        """Return an object as it was sent; None if it is skipped, and put there."""
        try:
            found = self._object.decode(raw)
            if not self._key(found.metadata):
                raise msgspec.ValidationError("it has no uid or name")
        except UNDECODABLE as error:
            self._skip(_meta(raw), str(error), skipped)
            return None
        return found

    def _skip(self, meta: Meta, reason: str, skipped: dict[str, Skipped]) -> None:
        name = "/".join(part for part in (meta.namespace, meta.name) if part)
        skipped[self._key(meta)] = Skipped(name or "without a name", reason[:200])

    def _error(self, raw: msgspec.Raw) -> KubeError:
        try:
            status = msgspec.json.decode(raw, type=Status)
        except UNDECODABLE:
            status = Status(message="an error that cannot be decoded")
        if status.code == EXPIRED:
            self.resource_version = ""
        return refusal(
            f"watch of {self.name}", status.code, status.reason, status.message
        )

    def _garbage(self, verb: str, error: Exception) -> KubeError:
        """Return the error for undecodable bytes; a fresh list may avoid them."""
        self.resource_version = ""
        what, status = f"{verb} of {self.name}", 200
        return KubeError(
            what, status=status, reason="cannot be decoded", message=str(error)
        )


def _differ(before: T | None, after: T) -> bool:
    """Return True if more than the version differs."""
    if before is None:
        return True
    version = before.metadata.resource_version
    meta = msgspec.structs.replace(after.metadata, resource_version=version)
    return msgspec.structs.replace(after, metadata=meta) != before


def _meta(raw: msgspec.Raw) -> Meta:
    """Return the readable part of an object's metadata, whatever else is wrong."""
    try:
        body: Any = msgspec.json.decode(raw)
    except UNDECODABLE:
        return Meta()
    found = body.get("metadata") if isinstance(body, dict) else None
    if not isinstance(found, dict):
        return Meta()

    def text(field: str) -> str:
        value = found.get(field)
        return value if isinstance(value, str) else ""

    return Meta(
        name=text("name"),
        namespace=text("namespace"),
        uid=text("uid"),
        resource_version=text("resourceVersion"),
    )
