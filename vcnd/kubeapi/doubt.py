"""Whether a server may have another past than the one that was followed.  No I/O.

A server that is restored from a backup gives versions out again.  A watch from our
version, which is too new then, is opened and passes over everything until the server
has caught up: nothing says so (Kubernetes issue 107457).  Whoever restores a server
stops it, so each watch that ends before its time gives rise to a doubt.
"""

from math import inf
from random import Random

LIST_WITHIN_SECONDS = 3600.0
"""After a doubt all is listed within this time.  So the lists of a thousand nodes are
spread over it."""


class Doubt:
    """Says when to compare versions with the server, and when to list all anew."""

    def __init__(self, random: Random) -> None:
        """Make it.

        Args:
            random: spreads the lists of many nodes.
        """
        self._random = random
        self._list_at = inf
        self.is_open = False
        """Whether the server is to be asked if it has our version."""

    def rise(self, now: float) -> None:
        """Note that a watch has ended before its time."""
        self.is_open = True
        if self._list_at == inf:
            # Drawn once: the least of many draws would be soon, on each node.
            self._list_at = now + self._random.uniform(0, LIST_WITHIN_SECONDS)

    def settle(self) -> None:
        """Note that the server has our version.

        It may have caught up before it was asked, so all is listed later in any case.
        """
        self.is_open = False

    def wants_list(self, now: float) -> bool:
        """Return True if all is to be listed anew before the next watch."""
        return now >= self._list_at

    def end(self) -> None:
        """Note that all was listed anew."""
        self.is_open, self._list_at = False, inf
