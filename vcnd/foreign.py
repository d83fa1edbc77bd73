"""Documents and text that others wrote.

msgspec says what it refuses with one kind of error, but for one case: JSON that is
nested too deep.  YAML is read by ``foreign_yaml``.
"""

UNDECODABLE = (ValueError, RecursionError)
"""Errors of decoding: those of msgspec, and UnicodeDecodeError, are ValueErrors."""
MOST_TEXT = 512
"""Characters of foreign text that go into an error, a log line or an Event."""


def printable(text: str | bytes, most: int = MOST_TEXT) -> str:
    """Return the start of foreign text, without control characters."""
    if isinstance(text, bytes):
        text = text[: 4 * most].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else " " for c in text[:most])
