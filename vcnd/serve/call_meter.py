"""What CNI calls took, and how they ended."""

from collections import Counter
from collections.abc import Iterator

from vcnd.core.histogram import Histogram
from vcnd.model.cause import Cause
from vcnd.model.metrics import OTHERS, Metric, MetricFamily, counter, histogram
from vcnd.model.phases import Phase, Phases
from vcnd.serve.cni_call import COMMANDS

ENDS = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
"""Upper ends of buckets, in seconds."""
OK, HUNG_UP = "ok", "hung_up"
MEASURED = ("ADD", "DEL")
"""Their phases are told apart."""

CALLS = counter(
    "vcnd_cni_calls",
    "CNI calls by how they ended: ok, hung_up (the runtime gave up), or a cause.",
    *("command", "result"),
)
CALL_SECONDS = histogram(
    "vcnd_cni_call_seconds",
    "Time of a CNI call, from the start of the plugin until the answer was sent.",
    ENDS,
    "command",
)
PHASE_SECONDS = counter(
    "vcnd_cni_phase_seconds",
    "Time of ADDs and DELs by phase, as vcndctl trace last has them.",
    *("command", "phase"),
)
METRICS: tuple[Metric, ...] = (CALLS, CALL_SECONDS, PHASE_SECONDS)


class CallMeter:
    """Counts calls.  It is told of each after its answer."""

    def __init__(self) -> None:
        self._calls: Counter[tuple[str, ...]] = Counter()
        self._seconds = {command: Histogram(ENDS) for command in COMMANDS}
        self._phases = {(c, p): 0.0 for c in MEASURED for p in Phase}

    def note(self, command: str, refusal: Cause | None, phases: Phases) -> None:
        """Count a call that was answered.

        Args:
            command: CNI's, or anything that a caller says.
            refusal: why it was refused, or failed; None if it succeeded.
            phases: of the call.
        """
        self._count(command, refusal or OK)
        if command not in self._seconds:
            return
        self._seconds[command].observe(sum(phases.seconds.values()))
        if command in MEASURED:
            for phase, seconds in phases.seconds.items():
                self._phases[command, phase] += seconds

    def hung_up(self, command: str) -> None:
        """Count a call whose caller did not wait for the answer."""
        self._count(command, HUNG_UP)

    def _count(self, command: str, result: str) -> None:
        known = command if command in self._seconds else OTHERS
        self._calls[known, result] += 1

    def families(self) -> Iterator[MetricFamily]:
        """Yield what was counted."""
        called = {command for command, _ in self._calls}
        seconds = {c: h for c, h in self._seconds.items() if c in called}
        yield CALLS.by_labels(self._calls)
        yield CALL_SECONDS.family(h.sample(c) for c, h in seconds.items())
        yield PHASE_SECONDS.by_labels(self._phases)
