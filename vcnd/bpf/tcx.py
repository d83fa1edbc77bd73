"""Programs at a link's tcx hooks (kernel 6.6).

A program stays there without a descriptor, until it is detached or the link is gone.
Others' programs keep their places: ours are behind them.
"""

import ctypes
import errno
import struct
from enum import IntEnum

from vcnd.bpf import call
from vcnd.bpf.call import BpfError, address, attributes

REPLACE = 1 << 2
MOST_PROGRAMS = 64
"""As many as the kernel takes at one hook."""
COUNT_OFFSET = 24
LOOPBACK_INDEX = 1


class Hook(IntEnum):
    """Where a program runs; the values are the kernel's numbers."""

    INGRESS = 46
    EGRESS = 47


def is_there() -> bool:
    """Return True if the kernel has such hooks."""
    try:
        attached(LOOPBACK_INDEX, Hook.INGRESS)
    except BpfError as error:
        if error.errno != errno.EINVAL:
            raise
        return False
    return True


def attached(link: int, hook: Hook) -> list[int]:
    """Return the numbers of the programs at a link's hook, in their order."""
    numbers = ctypes.create_string_buffer(4 * MOST_PROGRAMS)
    fields = attributes(
        struct.pack("=IIIIQI", link, hook, 0, 0, address(numbers), MOST_PROGRAMS)
    )
    call.bpf(f"list programs of link {link}", call.PROGRAM_QUERY, fields)
    (count,) = struct.unpack_from("=I", fields.raw, COUNT_OFFSET)
    return list(struct.unpack_from(f"={count}I", numbers.raw))


def attach(link: int, hook: Hook, program: int, *, replaced: int | None = None) -> None:
    """Attach a program behind the others, or in the place of one.

    Args:
        link: the link's index.
        hook: its hook.
        program: the program's descriptor.
        replaced: descriptor of the program that it replaces, atomically.
    """
    flags, old = (0, 0) if replaced is None else (REPLACE, replaced)
    fields = struct.pack("=IIIII", link, program, hook, flags, old)
    step = f"attach a program to link {link}"
    call.bpf(step, call.PROGRAM_ATTACH, attributes(fields))


def detach(link: int, hook: Hook, program: int) -> None:
    """Detach a program."""
    fields = struct.pack("=IIII", link, program, hook, 0)
    step = f"detach a program from link {link}"
    call.bpf(step, call.PROGRAM_DETACH, attributes(fields))
