"""Named network namespaces, and the ip and nft programs in them.  Synchronous."""

import ctypes
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

CLONE_NEWNET = 0x40000000
DIRECTORY = Path("/run/netns")

_libc = ctypes.CDLL(None, use_errno=True)


class FabricError(Exception):
    """The kernel refused a part of the fabric."""


def exists(name: str) -> bool:
    """Return True if a namespace of that name exists."""
    return (DIRECTORY / name).exists()


def names() -> set[str]:
    """Return the names of all namespaces."""
    return {path.name for path in DIRECTORY.iterdir()}


def add(name: str) -> None:
    """Make a namespace."""
    _run(["/sbin/ip", "netns", "add", name], "")
    _run(["/sbin/ip", "-n", name, "link", "set", "lo", "up"], "")


def attach(name: str, pid: int) -> None:
    """Give the namespace of a process a name, which also keeps it alive."""
    _run(["/sbin/ip", "netns", "attach", name, str(pid)], "")


def remove(name: str) -> None:
    """Remove a namespace and, with it, every link in it."""
    _run(["/sbin/ip", "netns", "del", name], "")


def inside(name: str, call: Callable[[], T]) -> T:
    """Call a function with this thread in the namespace; return its result."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(DIRECTORY / name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(there)
        try:
            return call()
        finally:
            setns(home)
    finally:
        os.close(there)
        os.close(home)


def setns(descriptor: int) -> None:
    """Put this thread into the namespace behind a descriptor.

    Raises:
        OSError: the kernel refuses it.
    """
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"setns: {os.strerror(code)}")


def sysctl(name: str, settings: Mapping[str, int]) -> None:
    """Write settings under /proc/sys/net of a namespace."""
    inside(name, lambda: sysctl_here(settings))


def sysctl_here(settings: Mapping[str, int]) -> None:
    """Write settings under /proc/sys/net of the thread's own namespace."""
    for path, value in settings.items():
        Path("/proc/sys/net", path).write_text(str(value))


def ip(name: str, lines: Iterable[str], *, six: bool = False) -> None:
    """Run ip commands in a namespace, one a line, until one fails.

    Args:
        name: the namespace.
        lines: the commands.
        six: run commands that name no address for IPv6.
    """
    script = "\n".join(lines)
    family = ["-6"] if six else []
    if script:
        _run(["/sbin/ip", *family, "-n", name, "-batch", "-"], script)


def ip_here(lines: Iterable[str]) -> None:
    """Run ip commands in this process's own namespace, one a line."""
    _run(["/sbin/ip", "-batch", "-"], "\n".join(lines))


def ip_output(name: str, *command: str) -> str:
    """Return the output of an ip command in a namespace."""
    return _run(["/sbin/ip", "-n", name, *command], "")


def nft(name: str, script: str) -> None:
    """Load an nft script in a namespace, whole or not at all."""
    _run(
        ["/usr/bin/nsenter", f"--net={DIRECTORY / name}", "/usr/sbin/nft", "-f", "-"],
        script,
    )


def nft_output(name: str, command: str) -> str:
    """Return the output of an nft command."""
    path = f"--net={DIRECTORY / name}"
    return _run(["/usr/bin/nsenter", path, "/usr/sbin/nft", *command.split()], "")


def _run(command: list[str], script: str) -> str:
    done = subprocess.run(
        command, input=script, capture_output=True, text=True, check=False
    )
    if done.returncode:
        message = done.stderr.strip()
        raise FabricError(f"{' '.join(command)}: {message}\n{script}")
    return done.stdout
