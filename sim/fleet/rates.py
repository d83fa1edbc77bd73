"""How often each node calls cloud and Kubernetes, minute by minute."""

from collections.abc import Callable

import msgspec

MINUTE = 60.0
MOST_CALLS = 250
"""Calls of a node in a minute; a node that starts makes some hundred."""
MOST_THROTTLED = 40
"""Of these, calls that are answered 429."""
MOST_REFUSED = 80
"""Creations that are refused because there is no room; a start learns limits anew."""
MOST_ASKED = 250
"""Requests of a node to the API server in a minute."""
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


class Rates:
    """Checks I10 and I15: no node calls again and again without a pause."""

    def __init__(self, report: Callable[[str, str, str], None]) -> None:
        self._report = report
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
        if minute.calls == MOST_CALLS:
            self._report("I15", who, f"{MOST_CALLS} calls in a minute")
        if minute.throttled == MOST_THROTTLED:
            self._report("I15", who, f"{MOST_THROTTLED} throttled calls in a minute")
        if minute.refused == MOST_REFUSED:
            self._report("I10", who, f"{MOST_REFUSED} creations refused in a minute")

    def asked(self, at: float, who: str) -> None:
        """Count a request of a node to the API server."""
        minute = self._minute(at, who)
        minute.asked += 1
        self.most.asked = max(self.most.asked, minute.asked)
        if minute.asked == MOST_ASKED:
            what = f"{MOST_ASKED} requests to the API server in a minute"
            self._report("I15", who, what)

    def _minute(self, at: float, who: str) -> Minute:
        number = int(at // MINUTE)
        minute = self._minutes.get(who)
        if minute is None or minute.number != number:
            minute = self._minutes[who] = Minute(number)
        return minute
