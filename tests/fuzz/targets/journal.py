"""Bytes of a journal.

Valid lines are read whatever stands between them, the rest is named or kept, and what
a compaction writes says the same as what it read.
"""

import json
import math
import zlib
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
RAW, OBJECTS, DEEP, WHOLE = 64, 144, 156, 160
ADDRESSES = (
    *("10.0.0.5", "10.0.0.0", "255.255.255.250", "10.0.0.1", "fd00::", "fd00::0:5"),
    *("::ffff:10.0.0.5", "fe80::%1", "x", "", "10.0.0.32", "10.0.0.16"),
)
PREFIXES = (0, 32, 31, 28, 24, 16, 8, 1, 33, -1, 64, 112, 120, 124, 128, 129, 10**30)
TIMES = (100.0, 100.0, 100, 10**400, True, "1", "nan", None)
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
    if OBJECTS <= kind < DEEP:
        return b"".join(_objects(choices))
    if DEEP <= kind < WHOLE:
        return _line(b"[" * 3000 + b"]" * 3000) + choices.rest()
    if kind >= WHOLE:
        return torn(choices.pick(FILES), choices)
    lines = list[bytes]()
    while not choices.is_over:
        line = damaged(choices.pick(LINES), Choices(choices.take(choices.below(16))))
        lines.append(encode_line(_legible(line)))
    return b"".join(lines)


def _objects(choices: Choices) -> Iterable[bytes]:
    """Yield lines of objects that no VNIC has, or that lie in one another."""
    while not choices.is_over:
        address, at = choices.pick(ADDRESSES), choices.pick(TIMES)
        prefix = choices.pick(PREFIXES)
        private_ip = {
            "id": f"ocid1.privateip.oc1..{address}.{prefix}",  # it stays what it is
            "address": address,
            "vnic_id": "ocid1.vnic.oc1..2",
            "prefix_length": prefix,
        }
        kind, body = choices.pick(
            (
                ("AddressAdded", {"private_ip": private_ip}),
                ("AddressForgotten", {"address": address}),
            )
        )
        yield _line(json.dumps([kind, at, body]).encode())


def _line(text: bytes) -> bytes:
    return b"%08x %s\n" % (zlib.crc32(text), text)


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
    for number in range(len(PREFIXES)):
        yield bytes([OBJECTS, number % len(ADDRESSES), 0, number, 0, 1, 0, 3, 0])
    yield bytes([OBJECTS, 0, 3, 1, 0])
    yield bytes([DEEP])
    yield bytes([RAW]) + b"".join(bytes([n, 0]) for n in range(len(LINES)))
