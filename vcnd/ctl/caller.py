"""The caller's files and programs.

On a node vcndctl runs in its version's own root.  ``/usr/local/bin/vcndctl`` gives it
two directories of the caller's: the current one and the root.
"""

import os
import subprocess
import sys
from pathlib import Path

CALLERS_DIRECTORY, CALLERS_ROOT = "VCND_CALLERS_DIRECTORY", "VCND_CALLERS_ROOT"
"""Variables with the descriptors' numbers; unset: vcndctl has the caller's root."""
PROGRAM_SECONDS = 10.0
PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
IN_ROOT = """\
import os, sys
os.fchdir(int(sys.argv[1])); os.chroot('.'); os.chdir('/')
os.execvp(sys.argv[2], sys.argv[2:])
"""
"""Runs a program in the caller's root."""


def locate(path: Path) -> tuple[str, int | None]:
    """Return a path as the caller sees it: its name, and the directory's descriptor.

    Without a descriptor the name is a path of ours.
    """
    which = CALLERS_ROOT if path.is_absolute() else CALLERS_DIRECTORY
    given = os.environ.get(which, "")
    if not given.isdecimal():
        return str(path), None
    return str(path).lstrip("/"), int(given)


def read_bytes(path: Path, most: int = -1) -> bytes:
    """Return the first bytes of a caller's file.

    Args:
        path: the file.
        most: how many; -1: all.

    Raises:
        OSError: it cannot be read.
    """
    name, directory = locate(path)
    descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
    with open(descriptor, "rb") as file:
        return file.read(most)


def output_of(*program: str) -> bytes:
    """Return what a program of the caller's prints.

    Raises:
        OSError: it is not there, takes too long, or fails; says why.
    """
    root = os.environ.get(CALLERS_ROOT, "")
    command = list(program)
    if root.isdecimal():
        command = [sys.executable, "-I", "-S", "-c", IN_ROOT, root, *program]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            check=False,
            env={**os.environ, "PATH": PROGRAMS, "LC_ALL": "C"},
            pass_fds=[int(root)] if root.isdecimal() else [],
            input=b"",  # our root has no /dev/null
            timeout=PROGRAM_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(
            f"{program[0]} took longer than {PROGRAM_SECONDS:g} s"
        ) from error
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        why = ": ".join([f"exit code {done.returncode}", *last])
        raise OSError(f"{program[0]} ended with {why}")
    return done.stdout
