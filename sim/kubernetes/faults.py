"""What can be wrong with the API server, as values; a seed draws from them."""

from random import Random

import msgspec

REFUSALS = (429, 500, 503, 504)


class Faults(msgspec.Struct, kw_only=True):
    """What is wrong with a server now."""

    is_away: bool = False
    """Whether connections are refused."""
    is_silent: bool = False
    """Whether connections stay open and nothing is sent."""
    lag_seconds: float = 0.0
    """So far the watch cache is behind.  Events come late, in their order, and a list
    of any version is that old; other lists, and reads of one object, are not."""
    has_progress: bool = True
    """Whether etcd tells how far it is while nothing happens (its option
    ``watch-progress-notify-interval``): bookmarks then have versions of other kinds."""
    refused: float = 0.0
    """The share of requests that are refused, before they have an effect."""
    expired: float = 0.0
    """The share of watches and next pages that are answered with 410."""
    lost: float = 0.0
    """The share of requests whose answers are lost, after they had their effect."""
    least_seconds: float = 0.001
    most_seconds: float = 0.01
    """An answer takes between these."""
    retry_after_seconds: int = 1
    """What a 429 asks for."""

    def latency(self, random: Random) -> float:
        """Return how long an answer takes."""
        return random.uniform(self.least_seconds, self.most_seconds)

    def refusal(self, random: Random, *, can_expire: bool) -> int:
        """Return the status that a request is refused with; 0: it is not.

        Args:
            random: draws.
            can_expire: whether it goes on from a version.
        """
        if can_expire and self.expired and random.random() < self.expired:
            return 410
        if self.refused and random.random() < self.refused:
            return random.choice(REFUSALS)
        return 0

    def loses(self, random: Random) -> bool:
        """Return True if an answer is lost."""
        return bool(self.lost) and random.random() < self.lost
