"""The steps that take vcnd out of a node's kernel: one that fails stops no other."""

from collections.abc import Awaitable, Callable, Mapping

import trio

from vcnd.linux.nft import KernelRefusedError
from vcnd.log import log
from vcnd.model.errors import TryAgainError

TRIES = 3
PAUSE_SECONDS = 0.2
"""Between two tries: descriptors and memory are short for a moment, mostly."""

Step = Callable[[], Awaitable[object]]


async def all_of(steps: Mapping[str, Step]) -> None:
    """Do each step, in this order; try those again that are refused.

    Args:
        steps: what a step removes, in words → the step.  It may be repeated.

    Raises:
        KernelRefusedError: steps were refused at each try; all others are done.
    """
    refused: dict[str, str] = dict.fromkeys(steps, "")
    for number in range(TRIES):
        if number:
            await trio.sleep(PAUSE_SECONDS)
        left, refused = refused, {}
        for what in left:
            try:
                await steps[what]()
            except (OSError, TryAgainError) as error:
                refused[what] = str(error)
                log.warning("withdrawal_refused", part=what, reason=str(error))
        if not refused:
            return
    raise KernelRefusedError(
        f"the node keeps {', '.join(refused)}: try again",
        details="; ".join(f"{what}: {reason}" for what, reason in refused.items()),
    )
