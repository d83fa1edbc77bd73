"""An input may take so much work, and no more."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

MOST_SECONDS = 5.0
"""Of the process' own time: what else the machine does counts nothing."""


class TooMuchWorkError(BaseException):
    """An input takes too long; no ``except Exception`` hides it."""


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise TooMuchWorkError(f"more than {MOST_SECONDS:g} s of processor time")


@contextmanager
def bounded() -> Iterator[None]:
    """Raise ``TooMuchWorkError`` in what takes longer."""
    before = signal.signal(signal.SIGVTALRM, _stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
