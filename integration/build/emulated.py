"""Debian's Python for another machine, run by an emulator on this one."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from integration.build import rootfs, third_party
from integration.build.cache import Cache
from integration.build.machines import Machine

ROOT = Path(__file__).parents[2]
WITHOUT = re.compile(r"^atheris==.*\n(?: .*\n)*", re.MULTILINE)
"""Of what the tests need, what has no wheels for all machines."""


class Python(NamedTuple):
    """An interpreter, and where it finds packages."""

    command: tuple[str, ...]
    path: str

    def run(
        self, arguments: Sequence[str], folder: Path = ROOT
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program; return how it ended and what it printed.

        Args:
            arguments: those of Python.
            folder: where it runs.
        """
        return subprocess.run(
            [*self.command, *arguments],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": self.path,
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )


HERE = Python((sys.executable,), str(ROOT))
"""This process's own Python, to compare with."""


def python(cache: Cache, machine: Machine) -> Python:
    """Return the Python of a machine, with this checkout and what its tests need.

    Raises:
        BuildError: it cannot be had here.
    """
    root = rootfs.python(cache, machine)
    lock = WITHOUT.sub("", (ROOT / "requirements.txt").read_text())
    packages = third_party.packages(cache, "tests", lock, machine)
    program = str(root / "usr/bin/python3")
    return Python(
        (*machine.runs(), "-L", str(root), program) if machine.runs() else (program,),
        f"{ROOT}:{packages}",
    )
