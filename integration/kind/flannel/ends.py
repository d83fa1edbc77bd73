"""Drives ``ends.c``: two processes in two pods."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from integration.bench.datapath.pathcost import microseconds
from integration.build import c
from integration.build.cache import Cache
from integration.lab.children import coprocess

SOURCE = Path(__file__).with_name("ends.c")
PORT = 7700
Measure = Callable[[str, int], list[float]]
"""Measures a test of so many samples, in microseconds."""


def compiled(cache: Cache) -> Path:
    """Return the program; compile it if its source is new."""
    # Static: it runs in any image.
    return c.compiled(cache, SOURCE, "-O2", "-Wall", "-static")


@contextmanager
def asking(command: list[str], environment: dict[str, str]) -> Iterator[Measure]:
    """Run a client for a while, by the command that starts it."""
    with coprocess(command, environment) as client:
        yield lambda test, samples: microseconds(client.ask(f"{test} {samples}"))
