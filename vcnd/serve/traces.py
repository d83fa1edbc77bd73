"""The phases of the latest calls, for ``vcndctl trace last``."""

from collections import deque
from collections.abc import Callable

from vcnd.model.phases import CallTrace, Phases
from vcnd.serve.cni_call import Call

MOST_TRACES = 64


class Traces:
    """Keeps the latest ADDs and DELs."""

    def __init__(self, wall_clock: Callable[[], float]) -> None:
        self._wall_clock = wall_clock
        self._latest: deque[tuple[Call, int, float, Phases]] = deque(maxlen=MOST_TRACES)

    def note(self, call: Call, code: int, phases: Phases) -> None:
        """Note a call that was answered."""
        if call.command in ("ADD", "DEL"):
            self._latest.append((call, code, self._wall_clock(), phases))

    def latest(self) -> list[CallTrace]:
        """Return the calls, the latest first."""
        return [
            CallTrace(
                command=call.command,
                sandbox=str(call.key),
                pod=str(call.pod),
                code=code,
                at=at,
                microseconds={
                    phase: round(seconds * 1e6, 1)
                    for phase, seconds in phases.seconds.items()
                },
            )
            for call, code, at, phases in reversed(self._latest)
        ]
