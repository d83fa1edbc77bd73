"""Objects that OCI has just created or deleted: lists may be older."""

from collections.abc import Iterable

import trio

RECENT_SECONDS = 60.0
"""OCI is eventually consistent: a list may omit a new object for this long."""


class RecentObjects:
    """OCIDs that leave the set after a minute."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def note(self, ocids: Iterable[str]) -> None:
        """Note that OCI has just created, or deleted, these."""
        now = trio.current_time()
        kept = {o: t for o, t in self._since.items() if now - t < RECENT_SECONDS}
        self._since = kept | dict.fromkeys(ocids, now)

    def __contains__(self, ocid: str) -> bool:
        """Return True if lists may be older than the change of an object."""
        since = self._since.get(ocid)
        return since is not None and trio.current_time() - since < RECENT_SECONDS
