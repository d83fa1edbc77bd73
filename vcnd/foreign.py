"""Documents and text that others wrote.

msgspec says what it refuses with one kind of error, but for two cases: JSON that is
nested too deep, and values of YAML that do not fit their tag.
"""

from typing import TypeVar

import msgspec

T = TypeVar("T")

UNDECODABLE = (ValueError, RecursionError)
"""Errors of decoding: those of msgspec, and UnicodeDecodeError, are ValueErrors."""
MOST_TEXT = 512
"""Characters of foreign text that go into an error, a log line or an Event."""


def yaml_as(text: bytes | str, kind: type[T]) -> T:
    """Return the value of a YAML document.

    Raises:
        ValueError: it is no YAML, has another structure, or is nested too deep.
    """
    try:
        return msgspec.yaml.decode(text, type=kind)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    except (LookupError, AttributeError, TypeError) as error:
        # PyYAML: for ``!!bool x``, ``!!int ''``, ``!!timestamp x``.
        raise ValueError("a value does not fit its tag") from error


def printable(text: str | bytes, most: int = MOST_TEXT) -> str:
    """Return the start of foreign text, without control characters."""
    if isinstance(text, bytes):
        text = text[: 4 * most].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else " " for c in text[:most])
