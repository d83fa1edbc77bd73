"""Choices out of bytes, and documents damaged by them.

A fuzzer changes bytes and knows no form.  Here bytes decide how a valid document is
damaged, so that it stays near what a reader takes.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, TypeVar

from tests.odd_yaml import NO_VALUES, TOO_MUCH

T = TypeVar("T")

MOST_EDITS = 4
RAW = 64
"""Of a first byte below this, the rest is the input itself."""
TORN = 192
"""From this on, the document's bytes are damaged, too."""


def nest(levels: int) -> Any:
    """Return lists in lists."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 65_536, 2**31, 2**64, 10**30, 0.5, 1e308),
    *(float("nan"), float("inf"), "", "\0", " ", "\n", "x" * 300, "\ud800", "é", "%s"),
    *("true", "0", "-1", "../..", "10.0.0.1", "10.0.0.1/33", "10.0.0.1/8", "::1"),
    *("::ffff:10.0.0.1", "fd00::/64", "ocid1.vnic.oc1.iad.a", "2026-01-01T00:00:00Z"),
    *([], {}, [None], {"": None}, [{}], [[]], nest(40), {"metadata": {}}),
)
"""Values that a field may not expect."""


YAML = (
    *("2026-01-01", "0o17", "1_0", "1:30", ".inf", "yes", "~", "!!binary QQ==", "x: y"),
    *("!!str 1", "!!set {a}", "&a x", "*a", "&b [*b]", "<<", "!!python/name:os.x y"),
)
"""Scalars, and what stands in place of one, that JSON does not have."""
SCALAR = re.compile(rb'"[^"]*"(?!\s*:)|\b(?:\d+|true|false|null)\b')
"""Of JSON, but for keys."""


class Choices:
    """Bytes, read as choices; after their end every choice is the first."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def is_over(self) -> bool:
        """Return True if no byte is left."""
        return self._at >= len(self._data)

    def below(self, count: int) -> int:
        """Return a number from 0 to ``count`` - 1."""
        size = 1 if count <= 1 << 8 else 4
        return int.from_bytes(self.take(size)) % count if count else 0

    def pick(self, some: Sequence[T]) -> T:
        """Return one of some values."""
        return some[self.below(len(some))]

    def take(self, size: int) -> bytes:
        """Return the next bytes; fewer at the end."""
        self._at += size
        return self._data[self._at - size : self._at]

    def rest(self) -> bytes:
        """Return all bytes that are left."""
        return self.take(len(self._data))

    def text(self) -> str:
        """Return a short text."""
        return self.take(self.below(24)).decode("utf-8", "surrogateescape")


def damaged(body: Any, choices: Choices) -> Any:
    """Return a document with as many edits as there are choices for, few at most."""
    for _ in range(MOST_EDITS):
        if choices.is_over:
            break
        body = _edited(body, choices)
    return body


def _edited(body: Any, choices: Choices) -> Any:
    """Return a document with one edit: here, or in one of its parts."""
    inside = body if isinstance(body, dict | list) and body else None
    if inside is None or choices.below(8) == 0:
        return _other(choices)
    if isinstance(inside, list):
        at = choices.below(len(inside))
        before, part, after = inside[:at], inside[at], inside[at + 1 :]
        match choices.below(6):
            case 0:
                return before + after
            case 1:
                return [*before, part, part, *after]
            case _:
                return [*before, _edited(part, choices), *after]
    key = choices.pick(list(inside))
    others = {k: v for k, v in inside.items() if k != key}
    match choices.below(8):
        case 0:
            return others
        case 1:
            return {choices.text(): inside[key], **others}
        case 2:
            return {**inside, choices.pick(list(inside)): inside[key]}
        case _:
            return {**inside, key: _edited(inside[key], choices)}


def _other(choices: Choices) -> Any:
    kind = choices.below(4)
    if kind == 0:
        return choices.text()
    if kind == 1:
        return int.from_bytes(choices.take(1 + choices.below(8)), signed=True)
    return choices.pick(ODD)


def document(choices: Choices, samples: Sequence[Any]) -> bytes:
    """Return JSON: any bytes, or a sample that is damaged as value, or as bytes."""
    kind = choices.below(256)
    if kind < RAW:
        return choices.rest()
    body = damaged(choices.pick(samples), choices)
    text = json.dumps(body).encode()
    return torn(text, choices) if kind >= TORN else text


def yaml_document(choices: Choices, samples: Sequence[Any]) -> bytes:
    """Return a ``document`` of which a scalar may be one that only YAML has."""
    text = document(choices, samples)
    if choices.is_over:
        return text
    scalars = list(SCALAR.finditer(text))
    if not scalars:
        return text
    at = choices.pick(scalars)
    odd = choices.pick((*NO_VALUES, *YAML, *TOO_MUCH)).encode()
    return text[: at.start()] + odd + text[at.end() :]


def torn(text: bytes, choices: Choices) -> bytes:
    """Return bytes of which some are cut, changed or repeated."""
    for _ in range(MOST_EDITS):
        if choices.is_over:
            break
        start = choices.below(len(text) + 1)
        end = min(len(text), start + choices.below(64))
        new = choices.pick([b"", b"\0", b"\xff", b'"', b"\n", text[start:end] * 2])
        text = text[:start] + new + text[end:]
    return text


def seed(sample: int, *edits: int) -> bytes:
    """Return the bytes that choose a sample of ``document``, and edits."""
    return bytes([RAW, sample, *edits])
