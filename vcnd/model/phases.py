"""Where the time of a CNI call goes, as values."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated

import msgspec

YEAR = 366 * 86400 * 10**6
"""In microseconds: no call takes longer."""
YEAR_10000 = 253_402_300_800
"""Its first second: clocks show none from there on."""


class Phase(StrEnum):
    """A part of a call's time."""

    SHIM = "shim"
    """The plugin: from its start until it connects."""
    QUEUE = "queue"
    """From then until the daemon has the whole request."""
    CLAIM = "claim"
    """The request is parsed, the sandbox locked, an address found, or waited for."""
    JOURNAL = "journal"
    """The record is written; ADD also waits until it is durable."""
    NETLINK = "netlink"
    """The kernel is changed."""
    POLICY = "policy"
    """ADD waits for the pod's policies for longer than for the disk."""
    REPLY = "reply"
    """The result is rendered and sent."""


class Phases:
    """Adds up a call's seconds by phase; each moment belongs to one phase."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin.

        Args:
            clock: returns seconds of any monotonic clock.
        """
        self._clock = clock
        self._began = self._since = clock()
        self.seconds: dict[Phase, float] = {}

    @property
    def spent(self) -> float:
        """Return the seconds from the beginning to the last phase's end."""
        return self._since - self._began

    def note(self, phase: Phase, seconds: float) -> None:
        """Add a phase that was measured elsewhere."""
        self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds

    def end(self, phase: Phase) -> None:
        """Add the time since the last phase ended to this one."""
        since, self._since = self._since, self._clock()
        self.note(phase, self._since - since)


UNTIMED = Phases(lambda: 0.0)
"""For calls that nobody measures."""


class CallTrace(msgspec.Struct, frozen=True, kw_only=True):
    """One ADD or DEL, as ``vcndctl trace last`` shows it."""

    command: str
    sandbox: str
    pod: str
    code: int
    """0, or the CNI error's code."""
    at: Annotated[float, msgspec.Meta(ge=0, lt=YEAR_10000)]
    """When it was answered: Unix time in seconds."""
    microseconds: Mapping[Phase, Annotated[float, msgspec.Meta(ge=0, le=YEAR)]]
    """By phase.  The plugin's own are missing if it did not say when it started."""
