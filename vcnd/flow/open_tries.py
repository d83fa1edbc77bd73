"""Changes of the cloud and audits whose calls are being tried, by their places."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

from vcnd import tries
from vcnd.core.problems import Problem
from vcnd.model.cause import Cause
from vcnd.model.place import Place
from vcnd.tries import Tries

SLOW_SECONDS = 3.0
"""A call without an answer for longer is told: OCI's take less than a second."""


class OpenTries:
    """Knows how calls fare that have neither succeeded nor failed for good."""

    def __init__(self) -> None:
        self._by_place: dict[Place, Tries] = {}

    @contextmanager
    def at(self, place: Place) -> Iterator[None]:
        """Look at the calls of the body, which are made for a place."""
        with tries.noted() as noted:
            self._by_place[place] = noted
            try:
                yield
            finally:
                del self._by_place[place]

    def is_open(self, place: Place) -> bool:
        """Return True if calls for a place are being made."""
        return place in self._by_place

    def problems(self) -> list[Problem]:
        """Return what is wrong with the calls that are being tried."""
        found = (self._problem(place, noted) for place, noted in self._by_place.items())
        return [problem for problem in found if problem is not None]

    def latest_problem(self) -> Problem | None:
        """Return what is wrong with a call that is being tried, the latest one's.

        It is no problem of the node yet: the next try may succeed.  Calls of changes
        come before those of audits.
        """
        found: Problem | None = None
        for problem in self.problems():
            if found is None or problem.place.kind.is_attempt:
                found = problem
        return found

    def _problem(self, place: Place, noted: Tries) -> Problem | None:
        now, failure = trio.current_time(), noted.failure
        if failure is not None:
            reason, cause = f"{failure}; it is tried again", failure.cause
        elif noted.asked_at is not None and now - noted.asked_at >= SLOW_SECONDS:
            cause = Cause.UNREACHABLE
            reason = f"a call has had no answer for {now - noted.asked_at:.0f} s"
            reason += f": {noted.operation}" if noted.operation else ""
        else:
            return None
        return Problem(
            place=place, cause=cause, reason=reason, since=now, last_seen=now
        )
