"""The node's problems: one for each place, with its age.

Time is an argument (seconds of any monotonic clock).
"""

from collections.abc import Callable, Iterator

import msgspec
from msgspec.structs import replace

from vcnd.model.cause import Cause
from vcnd.model.family import Family
from vcnd.model.place import Place

EXPIRY_SECONDS = 900.0
"""A refused attempt that was not repeated for this long is forgotten: three times the
longest pause between two attempts."""

MOST_PROBLEMS = 64
"""Beyond this number the oldest problem is dropped."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong at a place."""

    place: Place
    cause: Cause
    reason: str
    """The newest text, with the opc-request-id if OCI refused."""
    since: float
    last_seen: float
    count: int = 1
    """How often it was reported."""
    retry_at: float | None = None
    """When it is tried again; None if nobody has planned that."""

    @property
    def family(self) -> Family | None:
        """Return the only affected family, or None if all are."""
        return self.place.family


def retry_in(problem: Problem, now: float) -> float | None:
    """Return in how many seconds a problem is tried again; None: nobody knows."""
    at = problem.retry_at
    return None if at is None else round(max(0.0, at - now), 1)


class ProblemTable:
    """The present problems, in the order in which they began."""

    def __init__(self) -> None:
        self._by_place: dict[Place, Problem] = {}

    def __iter__(self) -> Iterator[Problem]:
        """Iterate over the problems, the one that began last at the end."""
        return iter(list(self._by_place.values()))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._by_place)

    def at(self, place: Place) -> Problem | None:
        """Return the problem of a place, if it has one."""
        return self._by_place.get(place)

    def see(
        self,
        place: Place,
        cause: Cause,
        reason: str,
        now: float,
        retry_at: float | None = None,
    ) -> bool:
        """Note a problem; return True if it is new."""
        known = self._by_place.get(place)
        if known is None:
            while len(self._by_place) >= MOST_PROBLEMS:
                del self._by_place[next(iter(self._by_place))]
            self._by_place[place] = Problem(
                place=place,
                cause=cause,
                reason=reason,
                since=now,
                last_seen=now,
                retry_at=retry_at,
            )
            return True
        self._by_place[place] = replace(
            known,
            cause=cause,
            reason=reason,
            last_seen=now,
            count=known.count + 1,
            retry_at=retry_at,
        )
        return (cause, reason) != (known.cause, known.reason)

    def clear(self, is_over: Callable[[Place], bool]) -> list[Problem]:
        """Drop the problems of these places; return them."""
        over = [p for place, p in self._by_place.items() if is_over(place)]
        for problem in over:
            del self._by_place[problem.place]
        return over

    def expired(self, now: float) -> set[Place]:
        """Return the places of attempts that are no longer repeated."""
        return {
            place
            for place, problem in self._by_place.items()
            if place.kind.is_attempt and now - problem.last_seen >= EXPIRY_SECONDS
        }
