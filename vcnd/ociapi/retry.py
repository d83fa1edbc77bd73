"""Retries: try, look the refusal up, wait, try again, until the deadline."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import ParamSpec, TypeVar

import trio

from vcnd.core.backoff import Backoff
from vcnd.log import log
from vcnd.model.cause import Cause
from vcnd.model.errors import CloudError
from vcnd.ociapi.errors import BadAnswerError, NoAnswerError, OciError, Verdict

P = ParamSpec("P")
T = TypeVar("T")
CROWDED = 4.0
PATIENT = (Verdict.RETRY, Verdict.WAIT, Verdict.IDENTIFY)


class Retrier:
    """Repeats calls that may be repeated."""

    def __init__(self, *, random: Random, give_up_seconds: float) -> None:
        self._random = random
        self._give_up_seconds = give_up_seconds

    async def __call__(
        self, attempt: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return the result of ``attempt(*args, **kwargs)``.

        The attempt must be safe to repeat: a read, or a change under a retry token
        made once by the caller.

        Raises:
            CloudError: a final refusal, or the last one when time is up.
        """
        give_up_at = trio.current_time() + self._give_up_seconds
        backoff = Backoff(self._random)
        while True:
            delay = backoff.next_delay()
            try:
                return await attempt(*args, **kwargs)
            except OciError as error:
                failure = error.as_cloud_error()
                final = error.verdict not in PATIENT
                if error.throttled:
                    # Others wait too: an early retry would delay them.
                    delay *= CROWDED
            except NoAnswerError as error:
                failure, final = _no_answer(error), False
            if final or trio.current_time() + delay > give_up_at:
                raise failure
            log.info("api_retry", reason=str(failure), delay_seconds=round(delay, 2))
            await trio.sleep(delay)


def _no_answer(error: NoAnswerError) -> CloudError:
    if isinstance(error, BadAnswerError):
        return CloudError(str(error), cause=Cause.BAD_ANSWER)
    return CloudError(f"OCI does not answer: {error}")
