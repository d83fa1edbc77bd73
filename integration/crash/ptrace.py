"""ptrace(2) of Linux on x86-64, as far as the tracer needs it.

All calls about a thread must come from the thread that attached to it.
"""

import ctypes
import os
import platform
import struct
import sys
from typing import NamedTuple

MACHINE = "x86_64"
"""Registers and numbers of system calls are this machine's."""

GETREGSET_SIZE = 27 * 8
ORIG_RAX, RAX = 15 * 8, 10 * 8
"""Places in ``struct user``: the number of the system call, and its result."""

CONT_SYSCALL = 24
DETACH = 17
POKEUSER = 6
SEIZE, INTERRUPT, LISTEN = 0x4206, 0x4207, 0x4208
GET_SYSCALL_INFO, GETEVENTMSG = 0x420E, 0x4201

OPTIONS = 0x01 | 0x02 | 0x04 | 0x08 | 0x10 | 0x100000
"""SYSGOOD, FORK, VFORK, CLONE, EXEC, EXITKILL."""
SYSCALL_STOP = 5 | 0x80
"""SIGTRAP with SYSGOOD's bit."""
EVENT_STOP = 128
WALL = 0x40000000
"""Threads too, not only processes."""

_INFO = struct.Struct("=B3xIQQ7Q")
_ENTRY, _EXIT = 1, 2

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long] * 2 + [ctypes.c_void_p] * 2
_libc.ptrace.restype = ctypes.c_long


class Entry(NamedTuple):
    """A thread is about to enter a system call."""

    number: int
    arguments: tuple[int, ...]


class Exit(NamedTuple):
    """A thread has come out of a system call."""

    result: int
    """Negative: the number of an error."""


def call(request: int, tid: int, address: int = 0, data: int = 0) -> int:
    """Return what ptrace(2) returns.

    Raises:
        ProcessLookupError: the thread is gone, or does not stand still.
        OSError: the kernel refused it otherwise.
    """
    result: int = _libc.ptrace(request, tid, address, data)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"ptrace {request:#x} of {tid}: {os.strerror(code)}")
    return result


def seize(tid: int) -> None:
    """Attach to a running thread, and let it stop at once."""
    call(SEIZE, tid, 0, OPTIONS)
    call(INTERRUPT, tid)


def resume(tid: int, signal: int = 0) -> None:
    """Let a thread run until its next system call."""
    call(CONT_SYSCALL, tid, 0, signal)


def system_call(tid: int) -> Entry | Exit | None:
    """Return at which end of a system call a thread stands; None: at neither."""
    buffer = ctypes.create_string_buffer(_INFO.size)
    call(GET_SYSCALL_INFO, tid, _INFO.size, ctypes.addressof(buffer))
    kind, _, _, _, *values = _INFO.unpack(buffer.raw)
    if kind == _ENTRY:
        return Entry(values[0], tuple(values[1:]))
    if kind == _EXIT:
        return Exit(values[0] - (1 << 64) if values[0] >> 63 else values[0])
    return None


def skip(tid: int) -> None:
    """Let a thread that stands before a system call not make it."""
    call(POKEUSER, tid, ORIG_RAX, (1 << 64) - 1)


def refuse(tid: int, error: int) -> None:
    """Let a thread that stands behind a system call see an error of it."""
    call(POKEUSER, tid, RAX, (1 << 64) - error)


def require() -> None:
    """End the program with a sentence where this cannot work.

    Raises:
        SystemExit: it is another machine's kernel.
    """
    if platform.machine() != MACHINE:
        sys.exit(f"this needs a kernel for {MACHINE}, and here is {platform.machine()}")
