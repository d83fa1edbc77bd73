"""OCIDs of the last minute: OCI's lists may not know yet what became of them.

Time is an argument (seconds of any monotonic clock).
"""

from collections.abc import Iterable

RECENT_SECONDS = 60.0
"""OCI is consistent eventually: a list may be this old."""


class Recent:
    """A set whose members leave it after a while."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def note(self, ocids: Iterable[str], now: float) -> None:
        """Add OCIDs."""
        kept = {o: t for o, t in self._since.items() if now - t < RECENT_SECONDS}
        self._since = kept | dict.fromkeys(ocids, now)

    def has(self, ocid: str, now: float) -> bool:
        """Return True if an OCID was noted less than a minute ago."""
        since = self._since.get(ocid)
        return since is not None and now - since < RECENT_SECONDS
