"""Repeats an attempt until it succeeds, with a pause after each failure."""

from collections.abc import Awaitable, Callable

import trio

from vcnd.core.backoff import Backoff
from vcnd.model.errors import VcndError


async def until_done(
    attempt: Callable[[], Awaitable[None]],
    *,
    backoff: Backoff,
    failed: Callable[[VcndError, float], None],
) -> None:
    """Repeat an attempt until it succeeds.

    Args:
        attempt: must read its whole input each time.
        backoff: the pauses between attempts; reset by success.
        failed: called with each error and the pause after it, in seconds.
    """
    while True:
        try:
            await attempt()
        except VcndError as error:
            pause = backoff.next_delay()
            failed(error, pause)
            await trio.sleep(pause)
        else:
            backoff.reset()
            return
