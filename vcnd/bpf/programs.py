"""BPF programs in the kernel: loaded, and found again by their names."""

import ctypes
import errno
import os
import struct

from vcnd.bpf import call
from vcnd.bpf.call import BpfError, address, attributes

SCHED_CLS = 3
"""Programs that tc and tcx run on packets of a link."""
LOG_BYTES = 1 << 16
LOG_LINES = 3
LICENSE = b"Apache-2.0"
"""They use no helper that the kernel keeps for GPL programs."""
INFO_BYTES = 80
ID_OFFSET, NAME_OFFSET, NAME_BYTES = 4, 64, 16
INSTRUCTION_BYTES = 8


def load(name: str, code: bytes) -> int:
    """Load a program; return its descriptor.

    Args:
        name: at most 15 bytes; others see it (``bpftool prog``).
        code: its instructions, linked to their maps.

    Raises:
        BpfError: the kernel refused, and what its verifier said last.
    """
    try:
        return _load(name, code, None)
    except BpfError as error:
        if error.errno not in (errno.EACCES, errno.EINVAL, errno.E2BIG):
            raise
        log = ctypes.create_string_buffer(LOG_BYTES)
        try:
            return _load(name, code, log)
        except BpfError as again:
            said = _last_lines(log.value.decode(errors="replace"))
            raise BpfError(again.errno or errno.EINVAL, again.step, said) from error


def _last_lines(log: str) -> str:
    """Return what a verifier's log ends with, without its statistics."""
    lines = [x.strip() for x in log.splitlines() if x.strip()]
    told = [x for x in lines if not x.startswith(("processed ", "verification time"))]
    return " | ".join(told[-LOG_LINES:])


def _load(name: str, code: bytes, log: call.Attributes | None) -> int:
    instructions = ctypes.create_string_buffer(code, len(code))
    license_text = ctypes.create_string_buffer(LICENSE)
    fields = struct.pack(
        "=IIQQIIQII16s",
        SCHED_CLS,
        len(code) // INSTRUCTION_BYTES,
        address(instructions),
        address(license_text),
        0 if log is None else 1,
        0 if log is None else LOG_BYTES,
        0 if log is None else address(log),
        0,
        0,
        name.encode(),
    )
    return call.bpf(f"load program {name}", call.PROGRAM_LOAD, attributes(fields))


def by_id(number: int) -> int:
    """Return a descriptor of a program that the kernel has."""
    fields = attributes(struct.pack("=I", number))
    return call.bpf(f"open program {number}", call.PROGRAM_BY_ID, fields)


def name_and_id(descriptor: int) -> tuple[str, int]:
    """Return a program's name, and its number in the kernel."""
    info = ctypes.create_string_buffer(INFO_BYTES)
    fields = struct.pack("=IIQ", descriptor, INFO_BYTES, address(info))
    call.bpf("ask for a program", call.INFO_BY_DESCRIPTOR, attributes(fields))
    name = info.raw[NAME_OFFSET : NAME_OFFSET + NAME_BYTES].split(b"\0")[0]
    (number,) = struct.unpack_from("=I", info.raw, ID_OFFSET)
    return name.decode(errors="replace"), int(number)


def name_of(number: int) -> str:
    """Return the name of a program of the kernel; nothing if it is gone."""
    try:
        descriptor = by_id(number)
    except BpfError as error:
        if error.errno != errno.ENOENT:
            raise
        return ""
    try:
        return name_and_id(descriptor)[0]
    finally:
        os.close(descriptor)
