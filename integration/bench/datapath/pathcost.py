"""Drives ``pathcost.c``: one thread that owns both ends of each path."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integration.build import c
from integration.build.cache import Cache
from integration.lab.children import Coprocess, coprocess

SOURCE = Path(__file__).with_name("pathcost.c")


def compiled(cache: Cache) -> Path:
    """Return the program; compile it if its source is new."""
    return c.compiled(cache, SOURCE, "-O2", "-Wall")


def microseconds(answer: str) -> list[float]:
    """Return the samples of which a program printed the nanoseconds."""
    return [int(number) / 1e3 for number in answer.split()]


@dataclass(frozen=True, slots=True)
class Pathcost:
    """The running program."""

    program: Coprocess

    def open(self, client: Path, server: Path, address: str) -> int:
        """Open connections between two namespaces; return the path's number."""
        return int(self.program.ask(f"open {client} {server} {address}"))

    def measure(self, test: str, path: int, samples: int) -> list[float]:
        """Return samples of a test, in microseconds."""
        return microseconds(self.program.ask(f"{test} {path} {samples}"))


@contextmanager
def running(program: Path) -> Iterator[Pathcost]:
    """Run the program for a while."""
    with coprocess([str(program)]) as process:
        yield Pathcost(process)
