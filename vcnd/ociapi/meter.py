"""What calls to OCI and to instance metadata took, and how they ended."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import trio

from vcnd.core.histogram import Histogram
from vcnd.model.cause import Cause
from vcnd.model.metrics import Metric, MetricFamily, counter, histogram
from vcnd.model.urgency import Urgency
from vcnd.ociapi.errors import BadAnswerError, NoAnswerError, OciError

ENDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper ends of buckets, in seconds."""
OK = "ok"

CALLS = counter(
    "vcnd_oci_calls",
    "Calls to OCI and to instance metadata by their answer: ok, or a cause.",
    *("operation", "result"),
)
CALL_SECONDS = histogram(
    "vcnd_oci_call_seconds",
    "Time from sending a call until its answer, or its failure.",
    ENDS,
    "operation",
)
RETRIES = counter(
    "vcnd_oci_retries",
    "Calls that were repeated, by the cause of the failure.",
    "cause",
)
WAITED = counter(
    "vcnd_oci_budget_wait_seconds",
    "Time that calls waited for their turn, by their urgency.",
    "urgency",
)
METRICS: tuple[Metric, ...] = (CALLS, CALL_SECONDS, RETRIES, WAITED)


class ApiMeter:
    """Counts calls.  Operations are those of our client: there are some thirty."""

    def __init__(self) -> None:
        self._calls: Counter[tuple[str, ...]] = Counter()
        self._seconds: dict[str, Histogram] = {}
        self._retries: Counter[Cause] = Counter()
        self._waited = dict.fromkeys(Urgency, 0.0)

    @contextmanager
    def calling(self, operation: str) -> Iterator[None]:
        """Count the call that the body makes, unless it is cancelled.

        Args:
            operation: OCI's name for it.
        """
        began = trio.current_time()
        result: str = OK
        try:
            yield
        except OciError as error:
            result = error.cause
            raise
        except NoAnswerError as error:
            result = no_answer_cause(error)
            raise
        except BaseException:
            result = ""
            raise
        finally:
            if result:
                self._calls[operation, result] += 1
                if operation not in self._seconds:
                    self._seconds[operation] = Histogram(ENDS)
                self._seconds[operation].observe(trio.current_time() - began)

    def retried(self, cause: Cause) -> None:
        """Count a call that is repeated because of a failure."""
        self._retries[cause] += 1

    def waited(self, urgency: Urgency, seconds: float) -> None:
        """Add the time that a call waited for its turn."""
        self._waited[urgency] += seconds

    def families(self) -> Iterator[MetricFamily]:
        """Yield what was counted."""
        yield CALLS.by_labels(self._calls)
        yield CALL_SECONDS.family(h.sample(o) for o, h in self._seconds.items())
        yield RETRIES.by_label(self._retries)
        yield WAITED.by_label({u.name.lower(): s for u, s in self._waited.items()})


def no_answer_cause(error: NoAnswerError) -> Cause:
    """Return why there was no answer, or none of use."""
    is_bad = isinstance(error, BadAnswerError)
    return Cause.BAD_ANSWER if is_bad else Cause.UNREACHABLE
