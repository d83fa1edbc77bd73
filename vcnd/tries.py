"""How the calls of a change fare, while they are repeated.

A call is repeated for a minute before it fails, and an ADD waits for less.  So whoever
starts a change can look at its calls meanwhile.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from vcnd.model.errors import VcndError


class Tries:
    """The calls of one change.

    Attributes:
        failure: how the latest call failed that is repeated now; None after a success.
        asked_at: when a call began that has no answer yet; None if none runs.
        operation: OCI's name for the request that was sent last.
    """

    def __init__(self) -> None:
        self.failure: VcndError | None = None
        self.asked_at: float | None = None
        self.operation = ""

    def begin(self, now: float) -> None:
        """Note that a call begins."""
        self.asked_at = now

    def name(self, operation: str) -> None:
        """Note that a request is sent; a call may send several."""
        self.operation = operation

    def succeed(self) -> None:
        """Note that the call was answered as it should be."""
        self.failure = self.asked_at = None

    def fail(self, failure: VcndError) -> None:
        """Note that the call failed; it may be repeated."""
        self.failure, self.asked_at = failure, None


_tries: ContextVar[Tries | None] = ContextVar("tries", default=None)


def current() -> Tries:
    """Return the tries of the change that this task carries out."""
    return _tries.get() or Tries()  # nobody looks at the latter


@contextmanager
def noted() -> Iterator[Tries]:
    """Yield what the calls of the body are noted in."""
    tries = Tries()
    token = _tries.set(tries)
    try:
        yield tries
    finally:
        _tries.reset(token)
