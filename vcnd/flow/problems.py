"""The node's problems as the flows see them: reported, cleared, logged."""

from collections import Counter
from collections.abc import Callable, Iterator

import trio

from vcnd.core.problems import Problem, ProblemTable
from vcnd.log import log
from vcnd.model.cause import Cause
from vcnd.model.place import Place, PlaceKind


class Problems:
    """Owns the problems of the node; each change is logged once."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._table = ProblemTable()
        self._on_change = on_change
        self.reported: Counter[tuple[PlaceKind, Cause]] = Counter()
        """Problems that began or changed."""

    def __iter__(self) -> Iterator[Problem]:
        """Iterate over the problems, the one that began last at the end."""
        return iter(self._table)

    def __len__(self) -> int:
        """Return how many problems there are."""
        return len(self._table)

    def at(self, place: Place) -> Problem | None:
        """Return the problem of a place, if it has one."""
        return self._table.at(place)

    def report(
        self,
        place: Place,
        cause: Cause,
        reason: str,
        *,
        retry_seconds: float | None = None,
    ) -> None:
        """Note a problem at a place until ``clear``.

        Args:
            place: where.
            cause: why.
            reason: why, in words.
            retry_seconds: when it is tried again, if that is planned.
        """
        now = trio.current_time()
        retry_at = None if retry_seconds is None else now + retry_seconds
        if self._table.see(place, cause, reason, now, retry_at):
            self.reported[place.kind, cause] += 1
            log.warning("problem_reported", what=str(place), cause=cause, reason=reason)
            self._on_change()

    def clear(self, place: Place) -> None:
        """Drop the problem of a place: its cause is gone."""
        self.clear_where(place.__eq__)

    def clear_where(self, is_over: Callable[[Place], bool]) -> None:
        """Drop the problems of all places whose cause is gone."""
        now = trio.current_time()
        for problem in self._table.clear(is_over):
            log.info(
                "problem_cleared",
                what=str(problem.place),
                cause=problem.cause,
                seconds=round(now - problem.since, 1),
                count=problem.count,
            )
            self._on_change()

    def expire(self) -> None:
        """Drop refused attempts that are no longer repeated."""
        expired = self._table.expired(trio.current_time())
        if expired:
            self.clear_where(expired.__contains__)
