"""When to mention a lasting problem again: at once, then at growing intervals.

Time is an argument (seconds of any monotonic clock).
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

import msgspec
from msgspec.structs import replace

K = TypeVar("K", bound=Hashable)

FIRST_SPACING_SECONDS = 600.0
MOST_SPACING_SECONDS = 3000.0
"""Kubernetes keeps an Event for an hour by default, so one is always visible."""


class _Mention(msgspec.Struct, frozen=True):
    """When something was mentioned last."""

    at: float
    spacing: float = FIRST_SPACING_SECONDS
    is_open: bool = True
    """True until its end is mentioned."""

    def is_due(self, now: float) -> bool:
        return now - self.at >= self.spacing


class Reminders(Generic[K]):
    """Remembers mentions until the subject is over and its spacing has passed.

    So a problem that comes and goes is mentioned no more often than one that stays.
    """

    def __init__(self) -> None:
        self._mentions: dict[K, _Mention] = {}

    def is_due(self, key: K, now: float) -> bool:
        """Return True if a present problem should be mentioned now."""
        mention = self._mentions.get(key)
        return mention is None or mention.is_due(now)

    def mentioned(self, key: K, now: float) -> None:
        """Note that it was mentioned."""
        mention = self._mentions.get(key)
        spacing = FIRST_SPACING_SECONDS
        if mention is not None:
            spacing = min(mention.spacing * 2, MOST_SPACING_SECONDS)
        self._mentions[key] = _Mention(now, spacing)

    def open(self) -> list[K]:
        """Return the subjects that were mentioned and not closed."""
        return [key for key, mention in self._mentions.items() if mention.is_open]

    def close(self, key: K) -> None:
        """Note that the end of something was mentioned."""
        self._mentions[key] = replace(self._mentions[key], is_open=False)

    def forget(self, key: K) -> None:
        """Drop a subject that concerns nobody any more."""
        self._mentions.pop(key, None)

    def prune(self, now: float) -> None:
        """Drop subjects that are over, if a return would be mentioned at once."""
        for key, mention in list(self._mentions.items()):
            if not mention.is_open and mention.is_due(now):
                del self._mentions[key]
