"""Records that one sync of the journal makes durable."""

from collections.abc import Callable

import msgspec
import trio

from vcnd.model.records import Record


class Entry(msgspec.Struct, frozen=True):
    """A record to be written."""

    record: Record
    at: float
    then: Callable[[], None] | None = None
    """Called once the record is durable.  A record with it is never dropped."""


class Batch(msgspec.Struct):
    """Appends that one sync will cover."""

    entries: list[Entry] = msgspec.field(default_factory=list)
    written: trio.Event = msgspec.field(default_factory=trio.Event)
    """Set when the records outlive the daemon, or when they were refused."""
    tried: trio.Event = msgspec.field(default_factory=trio.Event)
    """Set when they outlive the node too, or when they were refused."""
    failure: OSError | None = None
    began: float = 0.0
    """When the disk was asked, in seconds since boot."""
