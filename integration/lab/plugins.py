"""The CNI plugin of each machine, as a runtime on this one can start it."""

import shlex
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from integration.build.cache import Cache
from integration.build.machines import Machine
from integration.build.plugin import plugin
from integration.lab.cni_exec import NetworkList


def launcher(folder: Path, machine: Machine, program: Path | None = None) -> Path:
    """Return a program that is a machine's plugin, and runs here.

    Args:
        folder: of what is written; there may be a launcher of the same machine.
        machine: the one that the plugin is built for.
        program: the plugin; the present one if left out.

    Raises:
        BuildError: it cannot be built, or run.
    """
    target = program or plugin(Cache(Console(stderr=True)), machine=machine)
    if machine.is_here:
        return target
    # The emulator by name: the kernel of the machine may know no such programs.
    command = shlex.join([*machine.runs(), str(target)])
    made = folder / machine.name / "vcnd-cni"
    made.parent.mkdir(parents=True, exist_ok=True)
    made.write_text(f"#!/bin/sh\nexec {command}\n")
    made.chmod(0o755)
    return made


def by(network: NetworkList, program: Path) -> NetworkList:
    """Return a node's network, called by another plugin."""
    return replace(network, path=f"{program.parent}:{network.path}")
