"""Lines with checksums, and how to find them in a damaged file.  Pure."""

import re
import zlib
from collections.abc import Iterator
from typing import Any

import msgspec

from vcnd.foreign import UNDECODABLE

LINE_START = re.compile(rb"[0-9a-f]{8} (?=[\[{])")
MOST_STARTS = 64
"""At most this many places of a damaged line are tried as the start of a line."""


class WholeLine(msgspec.Struct, frozen=True):
    """A line whose checksum matches."""

    text: bytes
    payload: Any


class DamagedLine(msgspec.Struct, frozen=True):
    """Bytes that are no valid line: overwritten, or with a flipped bit."""

    text: bytes


class TornTail(msgspec.Struct, frozen=True):
    """The end of a file without a line end: an append that was never confirmed."""

    text: bytes


Line = WholeLine | DamagedLine | TornTail


def encode_line(payload: Any) -> bytes:
    """Return one line of the journal."""
    text = msgspec.json.encode(payload)
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode_line(line: bytes) -> Any:
    """Return a line's payload.

    Raises:
        ValueError: the line is torn or its checksum does not match.
    """
    checksum, _, text = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n") or int(checksum, 16) != zlib.crc32(text):
        raise ValueError("torn or corrupt line")
    return msgspec.json.decode(text)


def lines_of(data: bytes) -> Iterator[Line]:
    """Yield all lines of a file, whole or not, in their order."""
    *pieces, tail = data.split(b"\n")
    for piece in pieces:
        yield from _lines_in(piece)
    if tail:
        yield TornTail(tail)


def _lines_in(piece: bytes) -> list[Line]:
    """Return the lines between two line ends: one, or more if one was damaged."""
    whole = _whole(piece)
    if whole is not None:
        return [whole]
    found: list[Line] = []
    starts, end = [m.start() for m in LINE_START.finditer(piece, 1)], len(piece)
    while last := _last_of(piece, starts, end):
        start, line = last
        found.append(line)
        end = start - 1  # without what was the line end
    # What is before them may be a whole line again.
    rest = _whole(piece[:end]) if found else None
    found.append(rest or DamagedLine(piece[:end]))
    return found[::-1]


def _last_of(piece: bytes, starts: list[int], end: int) -> tuple[int, WholeLine] | None:
    """Return the last line that ends at a place, and its start; few are tried.

    Args:
        piece: the bytes.
        starts: where lines may start; those behind the end are removed.
        end: the place.
    """
    while starts and starts[-1] >= end:
        starts.pop()
    for start in starts[: -MOST_STARTS - 1 : -1]:
        line = _whole(piece[start:end])
        if line is not None:
            return start, line
    return None


def _whole(piece: bytes) -> WholeLine | None:
    try:
        return WholeLine(piece + b"\n", decode_line(piece + b"\n"))
    except UNDECODABLE:
        return None
