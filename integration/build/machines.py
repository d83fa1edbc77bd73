"""The machines that vcnd is built for: their names, compilers and emulators."""

import os
import shutil
from typing import NamedTuple

from integration.build.command import BuildError


class Machine(NamedTuple):
    """A kind of machine, by the names that tools call it."""

    name: str
    """As uname and wheels have it."""
    debian: str
    """As Debian, Kubernetes and container images have it."""
    elf: int
    """The number in the header of its programs (``e_machine`` of elf(5))."""

    @property
    def is_here(self) -> bool:
        """Return True if this machine is of the kind."""
        return os.uname().machine == self.name

    @property
    def emulator(self) -> str:
        """Return the name of the program that runs its programs elsewhere."""
        return f"qemu-{self.name}-static"

    def compiler(self) -> str:
        """Return the path of a C compiler for it.

        Raises:
            BuildError: there is none.
        """
        own: tuple[str, ...] = ("cc", "gcc") if self.is_here else ()
        for name in (*own, f"{self.name}-linux-gnu-gcc"):
            if found := shutil.which(name):
                return found
        cross = f"gcc-{self.name}-linux-gnu".replace("_", "-")
        package = "gcc" if self.is_here else cross
        raise BuildError(
            f"a C compiler for {self.name} is missing: apt-get install {package}"
        )

    def runs(self) -> list[str]:
        """Return what begins a command of its programs: nothing, or an emulator.

        Raises:
            BuildError: they cannot run here.
        """
        if self.is_here:
            return []
        found = shutil.which(self.emulator)
        if found is None:
            raise BuildError(
                f"programs for {self.name} cannot run here:"
                " apt-get install qemu-user-static"
            )
        return [found]

    def lacks(self) -> str:
        """Return why its programs cannot be built and run here; empty: they can."""
        try:
            self.compiler()
            self.runs()
        except BuildError as error:
            return str(error)
        return ""


AMD64 = Machine("x86_64", "amd64", 62)
ARM64 = Machine("aarch64", "arm64", 183)
MACHINES = (AMD64, ARM64)

BPF = 247
"""The number in the header of BPF programs, which are the same for all machines."""


def elf_machine(data: bytes) -> int | None:
    """Return the machine in a program's or library's header; None: it is neither.

    Args:
        data: its first 20 bytes, or more, of a little-endian machine (elf(5)).
    """
    if not data.startswith(b"\x7fELF"):
        return None
    return int.from_bytes(data[18:20], "little")


def here() -> Machine:
    """Return the machine that this is.

    Raises:
        BuildError: vcnd is not built for it.
    """
    for machine in MACHINES:
        if machine.is_here:
            return machine
    raise BuildError(f"vcnd is not built for {os.uname().machine}")
