"""What a descriptor of another process is: a socket of which kind, or a file."""

import ctypes
import os
import socket
from contextlib import suppress
from pathlib import Path

import msgspec

PIDFD_OPEN, PIDFD_GETFD = 434, 438
SO_PROTOCOL, SO_DOMAIN = 38, 39

_libc = ctypes.CDLL(None, use_errno=True)


class Target(msgspec.Struct, frozen=True):
    """A descriptor's other end."""

    family: int = 0
    """Of a socket; 0: it is none."""
    protocol: int = 0
    """Of netlink."""
    name: str = ""
    """A file's path; a socket's address."""


NOTHING = Target()


class Targets:
    """Descriptors of traced processes; sockets are remembered by their inodes."""

    def __init__(self) -> None:
        self._sockets: dict[str, Target] = {}

    def of(self, pid: int, descriptor: int) -> Target:
        """Return what a descriptor of a process is."""
        try:
            link = os.readlink(f"/proc/{pid}/fd/{descriptor}")
        except OSError:
            return NOTHING
        if not link.startswith("socket:"):
            return Target(name=link)
        found = self._sockets.get(link)
        if found is None:
            found = self._sockets[link] = _socket(pid, descriptor)
        return found


def cut(pid: int, descriptor: int) -> None:
    """End the connection behind a descriptor of a process, both ways."""
    sock = _opened(pid, descriptor)
    if sock is not None:
        with sock, suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def _socket(pid: int, descriptor: int) -> Target:
    sock = _opened(pid, descriptor)
    if sock is None:
        return NOTHING
    with sock:
        return Target(sock.family, sock.proto, _name(sock))


def _opened(pid: int, descriptor: int) -> socket.socket | None:
    """Return another process' socket; None if it is gone."""
    process = _libc.syscall(PIDFD_OPEN, pid, 0)
    if process < 0:
        return None
    try:
        ours = _libc.syscall(PIDFD_GETFD, process, descriptor, 0)
    finally:
        os.close(process)
    return socket.socket(fileno=ours) if ours >= 0 else None


def _name(sock: socket.socket) -> str:
    if sock.family == socket.AF_UNIX:
        own = sock.getsockname()
        if own:
            return str(own)
        try:
            return str(sock.getpeername())
        except OSError:
            return ""
    return ""


def path_of(pid: int, address: int) -> str:
    """Return the path that a process names in its memory, whole if it is relative."""
    text = os.fsdecode(memory(pid, address, 256).partition(b"\0")[0])
    return text if text.startswith("/") else str(Path(f"/proc/{pid}/cwd") / text)


def memory(pid: int, address: int, size: int) -> bytes:
    """Return bytes of a process' memory; fewer where it has no more."""
    try:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
            file.seek(address)
            return file.read(size)
    except (OSError, OverflowError):
        return b""
