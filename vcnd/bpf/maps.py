"""BPF maps: created, read and written by bpf(2)."""

import ctypes
import errno
import mmap
import os
import struct
from collections.abc import Iterator
from enum import IntEnum

import msgspec

from vcnd.bpf import call
from vcnd.bpf.call import BpfError, address, attributes

MMAPABLE = 1 << 10
PER_BATCH = 4096


class MapKind(IntEnum):
    """The kinds of maps that vcnd uses."""

    HASH = 1
    ARRAY = 2
    PER_CPU_ARRAY = 6
    LRU_HASH = 9


class MapShape(msgspec.Struct, frozen=True, kw_only=True):
    """What a map is made like."""

    kind: MapKind
    key_bytes: int
    value_bytes: int
    entries: int
    mapped: bool = False
    """True if the process can map its values into its memory."""


class Map:
    """A map of this process; the kernel keeps it as long as a program uses it."""

    def __init__(self, name: str, shape: MapShape) -> None:
        """Create it.

        Raises:
            BpfError: the kernel refused.
        """
        self.name, self.shape = name, shape
        fields = struct.pack(
            "=IIIIIII16s",
            shape.kind,
            shape.key_bytes,
            shape.value_bytes,
            shape.entries,
            MMAPABLE if shape.mapped else 0,
            0,
            0,
            name.encode(),
        )
        made = call.bpf(f"create map {name}", call.MAP_CREATE, attributes(fields))
        self.descriptor = made

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)

    def __setitem__(self, key: bytes, value: bytes) -> None:
        """Set an entry."""
        self._change(call.MAP_UPDATE, "set", key, value)

    def __delitem__(self, key: bytes) -> None:
        """Delete an entry; one that is not there is no error."""
        try:
            self._change(call.MAP_DELETE, "delete from", key, None)
        except BpfError as error:
            if error.errno != errno.ENOENT:
                raise

    def _change(self, command: int, verb: str, key: bytes, value: bytes | None) -> None:
        keys = ctypes.create_string_buffer(key, len(key))
        values = ctypes.create_string_buffer(value, len(value)) if value else None
        fields = self._entry(keys, values)
        call.bpf(f"{verb} map {self.name}", command, attributes(fields))

    def _entry(self, key: call.Attributes, value: call.Attributes | None) -> bytes:
        place = 0 if value is None else address(value)
        return struct.pack("=IIQQQ", self.descriptor, 0, address(key), place, 0)

    def read(self, key: bytes, value_bytes: int) -> bytes:
        """Return an entry's value.

        Args:
            key: the entry's.
            value_bytes: its length; of a map with values for each processor, of all.
        """
        keys = ctypes.create_string_buffer(key, len(key))
        values = ctypes.create_string_buffer(value_bytes)
        fields = self._entry(keys, values)
        call.bpf(f"read map {self.name}", call.MAP_LOOKUP, attributes(fields))
        return values.raw

    def values(self) -> Iterator[bytes]:
        """Yield the values of many entries at a time, one behind the other."""
        size = self.shape.value_bytes
        keys = ctypes.create_string_buffer(PER_BATCH * self.shape.key_bytes)
        values = ctypes.create_string_buffer(PER_BATCH * size)
        place = ctypes.create_string_buffer(8)
        started = False
        while True:
            fields = struct.pack(
                "=QQQQIIQQ",
                address(place) if started else 0,
                address(place),
                address(keys),
                address(values),
                PER_BATCH,
                self.descriptor,
                0,
                0,
            )
            answer = attributes(fields)
            last = False
            try:
                step = f"list map {self.name}"
                call.bpf(step, call.MAP_LOOKUP_BATCH, answer)
            except BpfError as error:
                if error.errno != errno.ENOENT:
                    raise
                last = True
            (count,) = struct.unpack_from("=I", answer.raw, 32)
            yield values.raw[: count * size]
            if last:
                return
            started = True

    def mapped(self) -> mmap.mmap:
        """Return the values of a mapped array as memory."""
        return mmap.mmap(self.descriptor, mmap.PAGESIZE)
