"""Since when something has been found at every look.  Pure."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class FirstSeen(Generic[K]):
    """Remembers when each of some things was first found, while it is found again."""

    def __init__(self) -> None:
        self._since: dict[K, float] = {}

    def note(self, found: Iterable[K], now: float) -> Mapping[K, float]:
        """Return since when each thing has been found; those not found are forgotten.

        Args:
            found: all that is found now.
            now: the time.
        """
        self._since = {key: self._since.get(key, now) for key in found}
        return self._since
