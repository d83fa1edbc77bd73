"""Drives ``pathcost.c``: one thread that owns both ends of each path."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from integration.build.cache import Cache, key_of

SOURCE = Path(__file__).with_name("pathcost.c")
FLAGS = ("-O2", "-Wall")
STOP_SECONDS = 5.0


class PathcostError(Exception):
    """A path does not carry what it must, or the program does not compile."""


def compiled(cache: Cache) -> Path:
    """Return the program; compile it if its source is new."""

    def compile_into(folder: Path) -> None:
        command = ["cc", *FLAGS, "-o", str(folder / "pathcost"), str(SOURCE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PathcostError(f"pathcost.c does not compile: {done.stderr}")

    key = key_of(SOURCE, FLAGS)
    return cache.artifact("pathcost", key, compile_into) / "pathcost"


class Pathcost:
    """The running program."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._process.pid

    def _ask(self, line: str) -> str:
        to, back = self._process.stdin, self._process.stdout
        if to is None or back is None:
            raise PathcostError("pathcost has no pipes")
        try:
            to.write(line + "\n")
            to.flush()
        except BrokenPipeError:
            pass  # it has ended: the empty reply says so
        reply = back.readline()
        if not reply:
            raise PathcostError(f"pathcost ended at {line!r}; see its output above")
        return reply

    def open(self, client: Path, server: Path, address: str) -> int:
        """Open connections between two namespaces; return the path's number."""
        return int(self._ask(f"open {client} {server} {address}"))

    def measure(self, test: str, path: int, samples: int) -> list[float]:
        """Return samples of a test, in microseconds."""
        reply = self._ask(f"{test} {path} {samples}")
        return [int(number) / 1e3 for number in reply.split()]


@contextmanager
def running(program: Path) -> Iterator[Pathcost]:
    """Run the program for a while."""
    process = subprocess.Popen(
        [str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Pathcost(process)
    finally:
        process.kill()
        process.communicate(timeout=STOP_SECONDS)
