"""Commands that make artifacts."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

LAST_LINES = 10


class BuildError(Exception):
    """Something cannot be built here; says why and what to do."""


def run(
    command: Sequence[str],
    failure: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Return what a command prints to its standard output.

    Args:
        command: the program and its arguments.
        failure: what it means if the command fails.
        cwd: the folder to run in.
        env: its environment; this process's if left out.

    Raises:
        BuildError: it failed; the text has the last lines that it printed.
    """
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()
        raise BuildError("\n".join([f"{failure}:", *lines[-LAST_LINES:]]))
    return done.stdout
