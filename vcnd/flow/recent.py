"""Objects that OCI has just created or deleted: its lists may not show that yet."""

from collections.abc import Iterable

import trio

from vcnd.core.recent import Recent


class RecentObjects:
    """OCIDs of the last minute, by trio's clock."""

    def __init__(self) -> None:
        self._recent = Recent()

    def note(self, ocids: Iterable[str]) -> None:
        """Note that OCI has just created, or deleted, these."""
        self._recent.note(ocids, trio.current_time())

    def __contains__(self, ocid: str) -> bool:
        """Return True if what a list says of an OCID proves nothing yet."""
        return self._recent.has(ocid, trio.current_time())
