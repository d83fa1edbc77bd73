"""One source of chance: the same seed gives the same run."""

import gc
import secrets
from collections.abc import Iterator, MutableSequence
from contextlib import contextmanager
from random import Random
from typing import Any
from unittest import mock

import trio._core._run as scheduler


class _Order(Random):
    """The order in which tasks run; mostly one alone can run."""

    def shuffle(self, x: MutableSequence[Any]) -> None:
        if len(x) > 1:
            super().shuffle(x)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let the scheduler's order, and names that are drawn, come from a seed.

    trio orders the tasks that can run by chance, in a way that is repeatable where
    Hypothesis runs it; the same switch is set here.  The hash of a text differs in each
    process, so processes that shall run alike need the same PYTHONHASHSEED.

    The garbage collector runs between runs only, as it closes what is forgotten.
    """
    names = Random(f"{seed}/names")
    order = _Order(f"{seed}/order")

    def token_hex(nbytes: int | None = None) -> str:
        return names.randbytes(nbytes or 32).hex()

    collects = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        with (
            mock.patch.object(scheduler, "_ALLOW_DETERMINISTIC_SCHEDULING", new=True),
            mock.patch.object(scheduler, "_r", order),
            mock.patch.object(secrets, "token_hex", token_hex),
        ):
            yield
    finally:
        if collects:
            gc.enable()
