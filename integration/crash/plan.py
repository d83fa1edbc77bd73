"""What the tracer is told to do, and what it tells: one line of JSON each."""

from collections.abc import Sequence

import msgspec

from integration.crash.reading import Place
from integration.crash.steps import Ended, Step, occasion, refusals


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do at one step of a traced daemon; without a step, only look on."""

    step: int = 0
    """The first step at which it can be done counts, from this one on."""
    reads: bool = False
    """Kill before steps, too, that only read."""
    after: bool = False
    """Behind the step, once it has had its effect, and not before it."""
    tried: frozenset[str] = frozenset()
    """The occasions on which a step was refused already: they are passed over."""
    refuse: bool = False
    """Refuse the step with an error that the kernel may have for it; the step's number
    chooses among several.  Else end the daemon by SIGKILL."""

    def stops_at(self, steps: Sequence[Step]) -> bool:
        """Return True if it can be done at the last of all steps so far."""
        step = steps[-1]
        if not 0 < self.step <= step.number:
            return False
        if self.refuse:
            return bool(refusals(step)) and occasion(steps) not in self.tried
        return step.changes or (self.reads and not self.after)


class Trace(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Attach to a daemon."""

    pid: int
    place: Place
    plan: Plan


class Leave(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Let the daemon go on without a tracer, once it is quiet."""

    quiet_seconds: float
    """So long it has begun no step."""


class Attached(msgspec.Struct, frozen=True, tag=True):
    """All threads of the daemon are traced."""


class Acted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The plan's step has come: the daemon is dead, or its call was refused."""

    killed: bool


class Left(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Nothing is traced any more."""

    steps: tuple[Step, ...]
    """All that began."""
    ends: tuple[Ended, ...]
    """All that ended, in that order."""
    step: Step | None
    """The plan's step; None if it has not come, or cannot be refused."""
    error: int
    """The error with which it was refused."""
    gone: bool
    """True if the daemon has ended."""


Command = Trace | Leave
Event = Attached | Acted | Left


def encode(value: Command | Event) -> bytes:
    """Return a line."""
    return msgspec.json.encode(value) + b"\n"


def command(line: bytes) -> Command:
    """Return what a line tells the tracer to do."""
    told: Command = msgspec.json.decode(line, type=Command)
    return told


def event(line: bytes) -> Event:
    """Return what the tracer tells with a line."""
    told: Event = msgspec.json.decode(line, type=Event)
    return told
