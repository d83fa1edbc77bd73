"""Bytes of a journal.

Valid lines are read whatever stands between them, the rest is named or kept, and what
a compaction writes says the same as what it read.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.fuzz.choices import Choices, damaged, torn
from vcnd.journal.lines import WholeLine, encode_line, lines_of
from vcnd.journal.reading import (
    Header,
    JournalUnusableError,
    Reading,
    read,
    snapshot,
)

GOLDEN = Path(__file__).parents[2] / "journal" / "golden"
FILES = tuple((GOLDEN / name).read_bytes() for name in ("appended", "compacted"))
LINES: list[Any] = [
    line.payload
    for file in FILES
    for line in lines_of(file)
    if isinstance(line, WholeLine)
]
RAW, WHOLE = 64, 160
HEADER = Header(boot_id="other", netns_cookie=2)
NOW = 130.0


def run(data: bytes) -> None:
    """Read a file, compact it, and read that."""
    content = _content(data)
    try:
        reading = read(content, "journal")
    except JournalUnusableError:
        return
    for found in lines_of(content):
        if isinstance(found, WholeLine) and found.text.rstrip(b"\n") not in content:
            raise AssertionError(f"{found} is not in the file")
    before = _state(reading)
    for line in snapshot(
        reading.replay, HEADER, reading.unknown, cooled_before=-math.inf
    ):
        if not all(isinstance(x, WholeLine) for x in lines_of(line)):
            raise AssertionError(f"{line!r} is no line")
    compacted = b"".join(
        snapshot(reading.replay, HEADER, reading.unknown, cooled_before=-math.inf)
    )
    again = read(compacted, "journal")
    if again.is_damaged or again.torn or _state(again) != before:
        raise AssertionError(f"{before} is read back as {_state(again)}")


def _state(reading: Reading) -> Any:
    state = reading.replay.recovered(NOW)
    return state, sorted(reading.unknown)


def _content(data: bytes) -> bytes:
    """Return any bytes, damaged lines with valid checksums, or a damaged file."""
    choices = Choices(data)
    kind = choices.below(256)
    if kind < RAW:
        return choices.rest()
    if kind >= WHOLE:
        return torn(choices.pick(FILES), choices)
    lines = list[bytes]()
    while not choices.is_over:
        line = damaged(choices.pick(LINES), Choices(choices.take(choices.below(16))))
        lines.append(encode_line(_legible(line)))
    return b"".join(lines)


def _legible(value: Any) -> Any:
    """Return a value that msgspec writes: it refuses large numbers, and surrogates."""
    match value:
        case dict():
            return {_legible(k): _legible(v) for k, v in value.items()}
        case list():
            return [_legible(v) for v in value]
        case int() if not -(2**63) <= value < 2**64:
            return str(value)
        case str():
            return value.encode(errors="replace").decode()
        case _:
            return value


def seeds() -> Iterable[bytes]:
    """Return files, and all kinds of lines."""
    for file in FILES:
        yield b"\0" + file
    for number in range(len(FILES)):
        yield bytes([WHOLE, number])
    for number in range(len(LINES)):
        yield bytes([RAW, number, 0])
    yield bytes([RAW]) + b"".join(bytes([n, 0]) for n in range(len(LINES)))
