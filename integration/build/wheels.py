"""Distributions of this repository, built for any of the machines."""

import os
import sys
from pathlib import Path

from integration.build import command
from integration.build.machines import Machine


def build(
    project: Path, *arguments: str, seconds: int, machine: Machine | None = None
) -> None:
    """Build a distribution, with what is installed here.

    Args:
        project: the folder of its ``pyproject.toml``.
        arguments: of ``hatchling build``.
        seconds: the time of all files, since 1970.
        machine: the one that a compiled part is for; this one if left out.

    Raises:
        BuildError: it cannot be built.
    """
    command.run(
        [sys.executable, "-m", "hatchling", "build", *arguments],
        f"the distribution in {project} cannot be built",
        project,
        {
            **os.environ,
            "SOURCE_DATE_EPOCH": str(seconds),
            **({} if machine is None else for_machine(machine)),
        },
    )


def for_machine(machine: Machine) -> dict[str, str]:
    """Return the variables with which a wheel is built for a machine.

    CPython takes the name of the platform from a variable when it is built for
    another one (``sysconfig.get_platform``); hatchling's wheels get it from there.

    Raises:
        BuildError: there is no compiler for it.
    """
    platform = f"linux-{machine.name}"
    return {"CC": machine.compiler(), "_PYTHON_HOST_PLATFORM": platform}
