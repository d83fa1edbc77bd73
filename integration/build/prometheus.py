"""Prometheus and promtool, out of Debian's package; nothing is installed."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from integration.build import command
from integration.build.cache import Cache, key_of
from integration.build.command import BuildError

PACKAGE = "prometheus"
PROGRAMS = ("prometheus", "promtool")
FAILURE = f"{PACKAGE}: its package cannot be had here"


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the two are."""

    prometheus: Path
    promtool: Path


def programs(cache: Cache) -> Programs:
    """Return the programs; download them if need be.

    Raises:
        BuildError: this machine's apt has no such package.
    """
    apt = shutil.which("apt-get")
    if apt is None:
        raise BuildError(f"{FAILURE}: there is no apt-get")

    def make(folder: Path) -> None:
        command.run([apt, "-q", "download", PACKAGE], FAILURE, cwd=folder)
        (package,) = folder.glob("*.deb")
        command.run(["/usr/bin/dpkg", "-x", str(package), "x"], FAILURE, cwd=folder)
        for name in PROGRAMS:
            (folder / "x/usr/bin" / name).rename(folder / name)
        shutil.rmtree(folder / "x")
        package.unlink()

    folder = cache.artifact(PACKAGE, key_of(PACKAGE, PROGRAMS), make)
    return Programs(*(folder / name for name in PROGRAMS))


def get_programs() -> str:
    """Download the programs unless they are there; return what was done, in words."""
    try:
        found = programs(Cache(Console(stderr=True)))
    except BuildError as error:
        return f"Prometheus: its tests are skipped ({error})"
    told = subprocess.run(
        [found.promtool, "--version"], capture_output=True, text=True, check=True
    )
    return (told.stdout + told.stderr).splitlines()[0]
