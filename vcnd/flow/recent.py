"""Objects that OCI has just created or deleted: lists may be older."""

from collections.abc import Iterable, Mapping

import trio

from vcnd.core.recent import RECENT_SECONDS


class RecentObjects:
    """OCIDs that leave the set after a minute."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def note(self, ocids: Iterable[str]) -> None:
        """Note that OCI has just created, or deleted, these."""
        now = trio.current_time()
        kept = {o: t for o, t in self._since.items() if now - t < RECENT_SECONDS}
        self._since = kept | dict.fromkeys(ocids, now)

    def recall(self, ages: Mapping[str, float]) -> None:
        """Note OCIDs of an earlier life of the daemon, with their ages in seconds."""
        now = trio.current_time()
        self._since |= {ocid: now - age for ocid, age in ages.items()}

    def __contains__(self, ocid: str) -> bool:
        """Return True if lists may be older than the change of an object."""
        since = self._since.get(ocid)
        return since is not None and trio.current_time() - since < RECENT_SECONDS
