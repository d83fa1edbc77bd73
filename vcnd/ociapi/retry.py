"""Retries: try, look the refusal up, wait, try again, until the deadline."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import ParamSpec, TypeVar

import trio

from vcnd import tries
from vcnd.core.backoff import Backoff
from vcnd.log import log
from vcnd.model.cause import Cause
from vcnd.model.errors import CloudError
from vcnd.ociapi.errors import NoAnswerError, OciError, Verdict
from vcnd.ociapi.meter import ApiMeter, no_answer_cause

P = ParamSpec("P")
T = TypeVar("T")
CROWDED = 4.0
PATIENT = (Verdict.RETRY, Verdict.WAIT, Verdict.IDENTIFY)


class Retrier:
    """Repeats calls that may be repeated."""

    def __init__(
        self, *, random: Random, give_up_seconds: float, meter: ApiMeter
    ) -> None:
        self._random = random
        self._meter = meter
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
        backoff, noted = Backoff(self._random), tries.current()
        while True:
            delay = backoff.next_delay()
            noted.begin(trio.current_time())
            try:
                result = await attempt(*args, **kwargs)
            except OciError as error:
                failure = error.as_cloud_error()
                final = error.verdict not in PATIENT
                if error.throttled:
                    # Others wait too: an early retry would delay them.
                    delay *= CROWDED
            except NoAnswerError as error:
                failure, final = _no_answer(error), False
            else:
                noted.succeed()
                return result
            noted.fail(failure)
            if final or trio.current_time() + delay > give_up_at:
                raise failure
            self._meter.retried(failure.cause)
            log.info("api_retry", reason=str(failure), delay_seconds=round(delay, 2))
            await trio.sleep(delay)


def _no_answer(error: NoAnswerError) -> CloudError:
    cause = no_answer_cause(error)
    text = str(error) if cause is Cause.BAD_ANSWER else f"OCI does not answer: {error}"
    return CloudError(text, cause=cause)
