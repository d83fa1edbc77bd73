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
        self._latest: deque[CallTrace] = deque(maxlen=MOST_TRACES)

    def note(self, call: Call, code: int, phases: Phases) -> None:
        """Note a call that was answered; of its request little is kept."""
        if call.command not in ("ADD", "DEL"):
            return
        trace = CallTrace(
            command=call.command,
            sandbox=str(call.key),
            pod=str(call.pod),
            code=code,
            at=self._wall_clock(),
            microseconds={p: round(s * 1e6, 1) for p, s in phases.seconds.items()},
        )
        self._latest.append(trace)

    def latest(self) -> list[CallTrace]:
        """Return the calls, the latest first."""
        return [*reversed(self._latest)]
