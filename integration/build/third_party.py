"""Others' packages, as their wheels for a machine and Debian's Python have them."""

import sys
from collections.abc import Mapping
from pathlib import Path

from integration.build import command
from integration.build.cache import Cache, key_of
from integration.build.machines import AMD64, Machine

PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
"""Of wheels, without the machine."""
DEBIANS = "3.11"
"""The version of Python in the root file systems."""


def packages(
    cache: Cache,
    name: str,
    lock: str,
    machine: Machine = AMD64,
    *,
    version: str = DEBIANS,
) -> Path:
    """Return a folder of installed packages.

    Args:
        cache: keeps it.
        name: what they are for.
        lock: requirements with hashes.
        machine: the one that runs them.
        version: of Python.

    Raises:
        BuildError: one has no wheel for the machine, or pip refuses.
    """
    platforms = [f"{kind}_{machine.name}" for kind in PLATFORMS]
    python = ("--python-version", version, "--implementation", "cp")

    def make(folder: Path) -> None:
        (folder / "lock.txt").write_text(lock)
        install(
            *("--require-hashes", "--no-deps", "--only-binary=:all:", *python),
            *(x for p in platforms for x in ("--platform", p)),
            *("-r", str(folder / "lock.txt")),
            target=folder / "packages",
        )

    key = key_of(lock, tuple(platforms), python)
    return cache.artifact(f"packages-{name}", key, make) / "packages"


def install(*arguments: str, target: Path) -> None:
    """Install into a folder, with pip's arguments.

    Raises:
        BuildError: pip refuses.
    """
    pip("install", "--no-compile", "--target", str(target), *arguments)


def pip(*arguments: str, env: Mapping[str, str] | None = None) -> None:
    """Run pip with arguments and an environment.

    Raises:
        BuildError: it refuses.
    """
    program = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    command.run([*program, *arguments, "-q"], "pip refused", env=env)
