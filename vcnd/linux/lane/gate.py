"""The express lane's gate, which vcnd-policy closes while it changes rules.

The daemon hears of a change of rules when it is made; until then packets of the lane
would pass.  The gate is a word in the memory of a BPF map: the moment when it opens.
Ways that were proven before do not count.  So to close it is to write a moment that is
to come: that takes no system call, no right, and no answer of the daemon, and a gate
that nobody opens again opens by itself.  ``bpf/packet.h`` declares the same.
"""

import mmap
import struct
import time

from vcnd.bpf.maps import MapKind, MapShape

OPENS = struct.Struct("=Q")
"""When it opens, in ns of the kernel's monotonic clock."""
SHAPE = MapShape(
    kind=MapKind.ARRAY, key_bytes=4, value_bytes=OPENS.size, entries=1, mapped=True
)
MOST_SECONDS = 10.0
"""It is closed so long at most: who has closed it may have ended."""
CLOCK_MONOTONIC_COARSE = 6
"""Of Linux; Python has no name for it."""
LATE_NS = int(2e9 * time.clock_getres(CLOCK_MONOTONIC_COARSE))
"""The programs read that clock: it is late by one tick at most."""


class Gate:
    """The gate of the daemon that lent it last; without one, nothing is closed."""

    def __init__(self) -> None:
        """Make it; no daemon has lent one."""
        self._opens: memoryview | None = None

    def take(self, descriptor: int) -> None:
        """Take the gate of a daemon that has started.

        Args:
            descriptor: of its map; it may be closed afterwards.

        Raises:
            OSError: it is no such map, or the kernel's policy refuses it.
        """
        try:
            memory = mmap.mmap(descriptor, mmap.PAGESIZE)
        except ValueError as error:
            raise OSError(f"no map of BPF: {error}") from error
        self._opens = memoryview(memory).cast("Q")[:1]

    def close(self) -> None:
        """Send all packets the ordinary way, until ``open``, or for 10 s."""
        self._write(int(MOST_SECONDS * 1e9))

    def open(self) -> None:
        """Let connections in that are proven from now on; all others once more."""
        self._write(LATE_NS)

    def _write(self, after_ns: int) -> None:
        if self._opens is not None:
            self._opens[0] = time.clock_gettime_ns(time.CLOCK_MONOTONIC) + after_ns
