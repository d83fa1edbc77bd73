"""How well a kind of object is followed, in numbers."""

from collections import Counter
from math import inf

from vcnd.model.cause import Cause


class FollowCounts:
    """Counts since the start of the process."""

    def __init__(self) -> None:
        self.lists = 0
        """Whole lists that were asked for."""
        self.watches = 0
        """Watches that the server opened."""
        self.failures: Counter[Cause] = Counter()
        """Lists and watches that failed; a watch that expired (410) is none."""
        self.heard_at = -inf
        """When a watch had its last line, bookmarks included; -inf: never."""
