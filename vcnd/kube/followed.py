"""Objects of one kind, read into values as they change.  No I/O."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from vcnd.kubeapi.cache import Cache
from vcnd.kubeapi.wire import Object

K = TypeVar("K", bound=Object)
V = TypeVar("V")


class Followed(Generic[K, V]):
    """Objects of one kind, read into values as they change."""

    def __init__(
        self,
        cache: Cache[K],
        read: Callable[[K], V | None],
        changed: Callable[[], None],
    ) -> None:
        """Make it; a reflector keeps the cache.

        Args:
            cache: the objects.
            read: makes an object's value; None: it is of no interest.
            changed: is called when values have changed.
        """
        self.cache = cache
        self.values: dict[str, V] = {}
        """By the objects' uids."""
        self.changes = 0
        """How often objects have changed."""
        self._read, self._changed = read, changed

    def take(self, changes: Sequence[K]) -> None:
        """Read what has changed; of an object that is gone, drop the value."""
        for found in changes:
            key = found.metadata.uid
            there = self.cache.objects.get(key)
            value = None if there is None else self._read(there)
            before = self.values.get(key)
            if value is None:
                self.values.pop(key, None)
            elif value != before:
                # An equal one stays the same object: who compiles looks at that.
                self.values[key] = value
        self.changes += 1
        self._changed()
