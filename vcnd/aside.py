"""Runs what only tells: its defects may not end what serves pods."""

from collections.abc import Awaitable, Callable
from typing import Never

import trio

from vcnd.log import log

AGAIN_SECONDS = 60.0
"""What failed is started again after this."""


async def aside(name: str, run: Callable[[], Awaitable[object]]) -> Never:
    """Run a task for ever; log an exception, and start it again.

    Args:
        name: of the task, for the log.
        run: reads all that it needs when it starts.
    """
    while True:
        try:
            await run()
        except Exception as error:
            log.error("task_failed", task=name, seconds=AGAIN_SECONDS, exc_info=error)
        await trio.sleep(AGAIN_SECONDS)
