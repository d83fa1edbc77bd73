"""Drives ``ends.c``: two processes in two pods."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from integration.build.cache import Cache, key_of
from integration.checking import CheckError

SOURCE = Path(__file__).with_name("ends.c")
FLAGS = ("-O2", "-Wall", "-static")
"""Static: it runs in any image."""
PORT = 7700
STREAM_BYTES = 4 << 20
STOP_SECONDS = 10.0


def compiled(cache: Cache) -> Path:
    """Return the program; compile it if its source is new."""

    def compile_into(folder: Path) -> None:
        command = ["cc", *FLAGS, "-o", str(folder / "ends"), str(SOURCE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CheckError(f"ends.c does not compile: {done.stderr}")

    return cache.artifact("ends", key_of(SOURCE, FLAGS), compile_into) / "ends"


class Ends:
    """The running client of a pair."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def measure(self, test: str, samples: int) -> list[float]:
        """Return samples of a test, in microseconds."""
        to, back = self._process.stdin, self._process.stdout
        if to is None or back is None:
            raise CheckError("ends has no pipes")
        to.write(f"{test} {samples}\n")
        to.flush()
        reply = back.readline()
        if not reply:
            raise CheckError(f"ends ended at {test!r}; see its output above")
        return [int(number) / 1e3 for number in reply.split()]


@contextmanager
def asking(command: list[str], environment: dict[str, str]) -> Iterator[Ends]:
    """Run a client for a while, by the command that starts it."""
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Ends(process)
    finally:
        process.kill()
        process.communicate(timeout=STOP_SECONDS)
