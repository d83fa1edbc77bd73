"""How often each node calls cloud and Kubernetes, minute by minute."""

from collections.abc import Callable

import msgspec

MINUTE = 60.0
MOST_CALLS = 250
"""Calls of a node in a minute."""
MOST_THROTTLED = 40
"""Of these, calls that are answered 429."""
MOST_REFUSED = 80
"""Creations that are refused because there is no room; a start learns limits anew."""
MOST_ASKED = 250
"""Requests of a node to the API server in a minute."""
OF_A_START = 100
"""Calls, and requests, that each further start of the daemon in the same minute makes:
it lists all anew, learns limits anew, and knows no pause of the life before."""
CREATIONS = (
    "AttachVnic",
    "CreatePrivateIp",
    "BulkCreatePrivateIps",
)


class Minute(msgspec.Struct):
    """What a node did in a minute."""

    number: int
    calls: int = 0
    throttled: int = 0
    refused: int = 0
    asked: int = 0
    starts: int = 0
    """How often the daemon had been started when the minute began."""


class Rates:
    """Checks I10 and I15: no node calls again and again without a pause."""

    def __init__(
        self, report: Callable[[str, str, str], None], starts: Callable[[str], int]
    ) -> None:
        """Make it.

        Args:
            report: is told what is too much.
            starts: returns how often a node's daemon has been started.
        """
        self._report, self._starts = report, starts
        self._minutes: dict[str, Minute] = {}
        self.most = Minute(0)
        """The most of each in any minute."""

    def heard(
        self, at: float, who: str, operation: str, status: int, code: str
    ) -> None:
        """Count a call of a principal."""
        minute = self._minute(at, who)
        minute.calls += 1
        minute.throttled += status == 429
        minute.refused += operation in CREATIONS and code == "LimitExceeded"
        most = self.most
        most.calls = max(most.calls, minute.calls)
        most.throttled = max(most.throttled, minute.throttled)
        most.refused = max(most.refused, minute.refused)
        if minute.calls == MOST_CALLS + self._of_starts(minute, who):
            self._report("I15", who, f"{minute.calls} calls in a minute")
        if minute.throttled == MOST_THROTTLED:
            self._report("I15", who, f"{MOST_THROTTLED} throttled calls in a minute")
        if minute.refused == MOST_REFUSED:
            self._report("I10", who, f"{MOST_REFUSED} creations refused in a minute")

    def asked(self, at: float, who: str) -> None:
        """Count a request of a node to the API server."""
        minute = self._minute(at, who)
        minute.asked += 1
        self.most.asked = max(self.most.asked, minute.asked)
        if minute.asked == MOST_ASKED + self._of_starts(minute, who):
            what = f"{minute.asked} requests to the API server in a minute"
            self._report("I15", who, what)

    def _minute(self, at: float, who: str) -> Minute:
        number = int(at // MINUTE)
        minute = self._minutes.get(who)
        if minute is None or minute.number != number:
            minute = Minute(number, starts=self._starts(who))
            self._minutes[who] = minute
        return minute

    def _of_starts(self, minute: Minute, who: str) -> int:
        """Return how much the starts of a minute may add."""
        return OF_A_START * (self._starts(who) - minute.starts)
