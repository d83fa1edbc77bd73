"""Records that one sync of the journal makes durable."""

from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from vcnd.model.records import Record


@dataclass(frozen=True, slots=True)
class Entry:
    """A record to be written."""

    record: Record
    at: float
    then: Callable[[], None] | None = None
    """Called once the record is durable.  A record with it is never dropped."""


@dataclass(slots=True)
class Batch:
    """Appends that one sync will cover."""

    entries: list[Entry] = field(default_factory=list)
    written: trio.Event = field(default_factory=trio.Event)
    """Set when the records outlive the daemon, or when they were refused."""
    tried: trio.Event = field(default_factory=trio.Event)
    """Set when they outlive the node too, or when they were refused."""
    failure: OSError | None = None
