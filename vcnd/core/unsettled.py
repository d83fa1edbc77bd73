"""Releases with an unknown outcome: until when the cloud may still carry them out.

Pure: the caller says what time it is.
"""

from math import inf

import msgspec

SETTLE_SECONDS = 90.0
"""A request may still be carried out for this long after its caller has left it:
Oracle's own code allows one 55 s (docs/oci.md#rates-and-latencies).  Lists that lag
show as long what is gone."""
WORK_SECONDS = 3600.0
"""A work request of which nothing is heard may go on for this long.  Nobody publishes
a limit; Oracle's tools give one up after 20 minutes (docs/oci.md#semantics), and this
is three times that."""


class _Abandoned(msgspec.Struct, frozen=True):
    settles_at: float
    work: str
    """The work request that may still run; empty if none is known."""


class Unsettled:
    """Owns the releases that were abandoned, by place: first address, or VNIC."""

    def __init__(self) -> None:
        self._places: dict[str, _Abandoned] = {}

    def abandon(self, place: str, work: str | None, now: float) -> None:
        """Note that a release was left before its outcome was known.

        Args:
            place: what was to be released.
            work: as in ``ReturnIntended``.
            now: the time.
        """
        seconds = SETTLE_SECONDS if work is None else WORK_SECONDS
        self._places[place] = _Abandoned(now + seconds, work or "")

    def works(self) -> list[str]:
        """Return the work requests that may still run."""
        return sorted({a.work for a in self._places.values() if a.work})

    def heard(self, work: str, now: float, *, ended: bool) -> None:
        """Note what the cloud says of a work request."""
        seconds = SETTLE_SECONDS if ended else WORK_SECONDS
        heard = _Abandoned(now + seconds, "" if ended else work)
        for place, abandoned in self._places.items():
            if abandoned.work == work:
                self._places[place] = heard

    def is_over(self, place: str, now: float) -> bool:
        """Return True if a place's release cannot be carried out any more."""
        abandoned = self._places.get(place)
        return abandoned is None or now >= abandoned.settles_at

    def next_in(self, now: float) -> float:
        """Return in how many seconds the next release is over.

        Infinite if there is none; those that are over already do not count.
        """
        left = (a.settles_at - now for a in self._places.values())
        return min((seconds for seconds in left if seconds > 0), default=inf)

    def settle(self, place: str) -> bool:
        """Drop a place whose outcome is known; return True if it was unknown."""
        return self._places.pop(place, None) is not None
