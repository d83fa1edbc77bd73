"""What a list and the lines of a watch add up to.  No I/O.

Source: Kubernetes API concepts, "Efficient detection of changes".
"""

from typing import Generic, TypeVar

import msgspec

from vcnd.kube.errors import refusal
from vcnd.kube.wire import ListOf, Object, Status, WatchEvent

T = TypeVar("T", bound=Object)


class Cache(Generic[T]):
    """Objects of one kind, by uid, as of a resourceVersion."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._list: msgspec.json.Decoder[ListOf[T]] = msgspec.json.Decoder(
            ListOf[kind]  # type: ignore[valid-type]
        )
        self._event = msgspec.json.Decoder(WatchEvent)
        self._object = msgspec.json.Decoder(kind)
        self.objects: dict[str, T] = {}
        self.resource_version = ""
        """To go on from; empty before the first list, and when it is too old."""
        self.synced = False

    def listed(self, body: bytes) -> None:
        """Replace everything by a list.

        Raises:
            msgspec.MsgspecError: it is none.
        """
        said = self._list.decode(body)
        self.objects = {o.metadata.uid: o for o in said.items}
        self.resource_version = said.metadata.resource_version
        self.synced = True

    def line(self, text: str) -> bool:
        """Take in one line of a watch; tell whether an object changed.

        Raises:
            ExpiredError: 410, list again.
            KubeError: another error in the stream.
            msgspec.MsgspecError: it is no watch event.
        """
        event = self._event.decode(text)
        if event.type == "ERROR":
            said = msgspec.json.decode(event.object, type=Status)
            if said.code == 410:  # noqa: PLR2004 - Gone
                self.resource_version = ""
            what = f"watch of {self._kind.__name__}"
            raise refusal(what, said.code, said.reason, said.message)
        found = self._object.decode(event.object)
        self.resource_version = found.metadata.resource_version
        if event.type == "BOOKMARK":
            return False
        if event.type == "DELETED":
            self.objects.pop(found.metadata.uid, None)
        else:
            self.objects[found.metadata.uid] = found
        return True
