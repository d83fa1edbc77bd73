"""The end of a process, which comes even if one of its tasks never ends.

After a MemoryError in trio a task may wait for ever, for a thread that was not started
say.  It would keep the process alive, and could feed systemd's watchdog.  So the kernel
ends the process: SIGALRM needs no memory.
"""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

END_SECONDS = 5.0
"""Once its work has ended, well or by an error, a process is gone after this."""
ROOMS_SECONDS = 15.0
"""Once the rooms are cancelled, the kernel ends the process after this.  A thread that
sets up the kernel of a busy machine takes some seconds."""


def end_within(seconds: float) -> None:
    """Let the kernel end this process after some seconds."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def go_on() -> None:
    """Do not let the kernel end this process."""
    signal.setitimer(signal.ITIMER_REAL, 0.0)


@asynccontextmanager
async def rooms() -> AsyncIterator[trio.Nursery]:
    """Open a nursery; if cancelled tasks do not end, the kernel ends the process."""
    try:
        async with trio.open_nursery() as tasks:
            tasks.start_soon(_until_cancelled)
            yield tasks
    finally:
        go_on()


async def _until_cancelled() -> None:
    try:
        await trio.sleep_forever()
    finally:
        end_within(ROOMS_SECONDS)
