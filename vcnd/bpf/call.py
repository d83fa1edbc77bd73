"""bpf(2): one system call, its many commands, and errors that name the step."""

import ctypes
import errno
import os

NUMBERS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361}
"""The system call's number; libc has no function for it."""
NUMBER = NUMBERS.get(os.uname().machine)
ATTRIBUTE_BYTES = 128
"""Longer than the fields of any command here; the kernel wants the rest to be zero."""

MAP_CREATE, MAP_LOOKUP, MAP_UPDATE, MAP_DELETE = 0, 1, 2, 3
PROGRAM_LOAD, PROGRAM_ATTACH, PROGRAM_DETACH = 5, 8, 9
PROGRAM_BY_ID, INFO_BY_DESCRIPTOR, PROGRAM_QUERY = 13, 15, 16
MAP_LOOKUP_BATCH = 24

Attributes = ctypes.Array[ctypes.c_char]

_syscall = ctypes.CDLL(None, use_errno=True).syscall
_syscall.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_long)
_syscall.restype = ctypes.c_long


class BpfError(OSError):
    """The kernel refused a step of bpf(2)."""

    def __init__(self, code: int, step: str, details: str = "") -> None:
        text = f"{step}: {os.strerror(code)}"
        super().__init__(code, f"{text}: {details}" if details else text)
        self.step = step
        self.details = details


def attributes(fields: bytes) -> Attributes:
    """Return a command's fields in a buffer, into which the kernel may write."""
    return ctypes.create_string_buffer(fields, ATTRIBUTE_BYTES)


def bpf(step: str, command: int, attributes: Attributes) -> int:
    """Run a command; return a descriptor, or what else it answers.

    Raises:
        BpfError: the kernel refused.
    """
    if NUMBER is None:
        raise BpfError(errno.ENOSYS, step, f"unknown machine {os.uname().machine}")
    answer: int = _syscall(NUMBER, command, attributes, ATTRIBUTE_BYTES)
    if answer < 0:
        raise BpfError(ctypes.get_errno(), step)
    return answer


def address(buffer: ctypes.Array[ctypes.c_char]) -> int:
    """Return where a buffer is, for a command's fields; it must outlive the call."""
    return ctypes.addressof(buffer)
