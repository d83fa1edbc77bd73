"""Build the wheels of this checkout, and environments to install them in."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECTS = {"vcnd": ROOT, "fakeoci": ROOT / "fakeoci"}
"""The folder of each distribution's ``pyproject.toml``."""


class InstallError(Exception):
    """A wheel cannot be built or installed; the text has the tool's reason."""


def build(name: str, directory: Path) -> Path:
    """Build the wheel of a distribution into a directory; return its file.

    Args:
        name: ``fakeoci`` or ``vcnd``.
        directory: the wheel's directory; created if missing.

    Raises:
        InstallError: hatchling refused.
    """
    command = (sys.executable, "-m", "hatchling", "build", "-t", "wheel")
    run(*command, "-d", str(directory), cwd=PROJECTS[name])
    (wheel,) = directory.glob(f"{name}-*.whl")
    return wheel


def environment(directory: Path) -> Path:
    """Make a virtual environment with pip alone; return its Python.

    Raises:
        InstallError: it cannot be made.
    """
    run(sys.executable, "-m", "venv", str(directory))
    return directory / "bin" / "python"


def install(python: Path, *arguments: str) -> None:
    """Install with pip's arguments, with no compiler on the PATH.

    Raises:
        InstallError: pip refused.
    """
    pip = (str(python), "-m", "pip", "--disable-pip-version-check", "install", "-q")
    run(*pip, "--root-user-action=ignore", *arguments, path=python.parent)


def run(*command: str, cwd: Path | None = None, path: Path | None = None) -> str:
    """Run a program and return what it printed.

    Args:
        command: the program and its arguments.
        cwd: the directory to run in.
        path: the only directory with programs; the caller's PATH if left out.

    Raises:
        InstallError: it failed.
    """
    done = subprocess.run(
        command,
        cwd=cwd,
        env=None if path is None else _only(path),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        what = " ".join(command[:5])
        raise InstallError(f"{what} …: {done.stdout[-1000:]}{done.stderr[-3000:]}")
    return done.stdout


def _only(path: Path) -> dict[str, str]:
    """Return this process's environment with one directory of programs."""
    without = ("CC", "CXX", "PYTHONPATH", "VIRTUAL_ENV")
    kept = {k: v for k, v in os.environ.items() if k not in without}
    return {**kept, "PATH": str(path)}
