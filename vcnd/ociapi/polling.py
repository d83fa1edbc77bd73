"""Waits for slow changes of the cloud."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

import trio

from vcnd.model.cause import Cause
from vcnd.model.errors import CloudError, CloudGoneError
from vcnd.ociapi.retry import Retrier

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

FIRST_PAUSE_SECONDS = 0.5
MOST_PAUSE_SECONDS = 2.0
YOUNG_SECONDS = 30.0
"""For this long a new object may be answered 404."""


class Poller:
    """Polls until something is done, or time is up."""

    def __init__(self, retry: Retrier, *, wait_seconds: float) -> None:
        self._retry = retry
        self._wait_seconds = wait_seconds

    async def __call__(
        self,
        what: str,
        done: Callable[[T], R | None],
        ask: Callable[P, Awaitable[T]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Call ``ask(*args, **kwargs)``, more and more seldom, until it is done.

        The first call comes at once: for what may be done already.

        Args:
            what: is waited for, in words.
            done: returns the result, or None while there is none.
            ask: is retried as a single question is.
            args: of ``ask``.
            kwargs: of ``ask``.

        Raises:
            CloudError: a final refusal, or it took too long.
        """
        pause = FIRST_PAUSE_SECONDS
        give_up_at = trio.current_time() + self._wait_seconds
        began = trio.current_time()
        while True:
            try:
                result = done(await self._retry(ask, *args, **kwargs))
            except CloudGoneError:
                # OCI is eventually consistent: a new object may be answered 404.
                if trio.current_time() - began > YOUNG_SECONDS:
                    raise
                result = None
            if result is not None:
                return result
            if trio.current_time() + pause > give_up_at:
                raise CloudError(
                    f"{what}: not done after {self._wait_seconds:.0f} s",
                    cause=Cause.TIMED_OUT,
                )
            await trio.sleep(pause)
            pause = min(MOST_PAUSE_SECONDS, pause * 1.5)

    async def begun(
        self,
        what: str,
        done: Callable[[T], R | None],
        ask: Callable[P, Awaitable[T]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Do the same for what has just begun: it is not done at once.

        A call for an answer that is known would be wasted.
        """
        await trio.sleep(FIRST_PAUSE_SECONDS)
        return await self(what, done, ask, *args, **kwargs)
