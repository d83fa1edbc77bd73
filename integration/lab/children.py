"""Child processes that end with a block of code, and what they log."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integration.checking import CheckError

STOP_SECONDS = 20.0
"""In this time a coprocess ends after the end of its input, else it is killed."""


@dataclass(frozen=True, slots=True)
class Coprocess:
    """A process that answers each line of its input with one of its output."""

    process: "subprocess.Popen[str]"

    def ask(self, line: str) -> str:
        """Return the answer to a line.

        Raises:
            CheckError: the process ended.
        """
        to, back = self.process.stdin, self.process.stdout
        answer = ""
        if to is not None and back is not None:
            try:
                to.write(line + "\n")
                to.flush()
            except BrokenPipeError:
                pass  # it has ended: the empty answer says so
            answer = back.readline()
        if not answer:
            command = self.process.args
            raise CheckError(
                f"{command!r} ended at {line[:80]!r}; see its output above"
            )
        return answer


@contextmanager
def coprocess(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> Iterator[Coprocess]:
    """Run a coprocess; by default it has the environment of this process."""
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Coprocess(process)
    finally:
        try:
            process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def logged_lines(log: Path) -> list[str]:
    """Return the lines of a log; one that is being written is left out."""
    *whole, _ = log.read_text().split("\n")
    return whole


@contextmanager
def logged(command: Sequence[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a process whose output goes to a file; kill it at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
