"""Runs programs for another machine as if they were for this one.

The kernel calls an emulator for them: it learns of it by binfmt_misc, which a user
namespace has for itself since Linux 6.7.  The machine outside does not change.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from integration.build.command import LAST_LINES, BuildError
from integration.build.machines import Machine

MAGIC = r"\x7fELF\x02\x01\x01\x00" + r"\x00" * 8 + r"\x02\x00"
MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00" + r"\xff" * 8 + r"\xfe\xff"
"""Of a program's header: 64 bits, little-endian, an executable or shared (elf(5))."""
# F: the emulator is opened now, so that it is there also in another root.
REGISTER = ":vcnd:M::" + MAGIC + r"\x{elf:02x}\x00:" + MASK + r"\xff\xff:{emulator}:F"
INSIDE = """
echo; read -r mapped
mount -t proc proc /proc
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
printf %s "$1" >/proc/sys/fs/binfmt_misc/register
shift
exec "$@"
"""
UNSHARE = (
    *("/usr/bin/unshare", "--user", "--mount", "--pid", "--fork", "--kill-child"),
    *("/bin/sh", "-ec", INSIDE, "inside"),
)
ALL_IDS = "0 0 4294967295"
"""Each user and group is itself inside (user_namespaces(7))."""


def run(machine: Machine, command: Sequence[str], failure: str) -> str:
    """Return what a command prints; its children may be programs for the machine.

    It has its own mounts and processes, and may make no device files.

    Args:
        machine: the one that the programs are built for.
        command: the program and its arguments.
        failure: what it means if the command fails.

    Raises:
        BuildError: it failed, or this takes root, an emulator, or a newer kernel.
    """
    (emulator,) = machine.runs()
    rule = REGISTER.format(elf=machine.elf, emulator=emulator)
    process = subprocess.Popen(
        [*UNSHARE, rule, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        if process.stdout and process.stdout.readline() == "\n":
            for kind in ("uid_map", "gid_map"):
                Path(f"/proc/{process.pid}/{kind}").write_text(ALL_IDS)
        output, _ = process.communicate("\n")
    if process.returncode:
        lines = output.strip().splitlines()[-LAST_LINES:]
        raise BuildError("\n".join([f"{failure}:", *lines]))
    return output
