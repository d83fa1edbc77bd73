"""YAML that a reader may not expect."""

NO_VALUES = (
    *("!!bool x", "!!int x", "!!int ''", "!!float ''", "!!float x", "!!timestamp x"),
    *("!!timestamp 2026-99-99", "!!timestamp 2026-01-01T00:00:00+99:99"),
    *("-0x_", "1" * 5000, "0x" + "f" * 4000),
)
"""Scalars that are no value of their tag, the written one or the one that they have by
their looks."""


def _grown(first: str, item: str) -> str:
    """Return lists, or mappings, each of which has the one before it ten times."""
    lines = [f"a0: &a0 {first}"]
    for n in range(1, 9):
        before = ", ".join([f"*a{n - 1}"] * 10)
        lines.append(f"a{n}: &a{n} {item % before}")
    return "{" + ",\n".join(lines) + "}"


BOMB = _grown("[x]", "[%s]")
"""Small, but 10^8 values once aliases are what they stand for."""
MERGES = _grown("{x: 1, y: 2}", "{<<: [%s]}")
"""The same by merge keys."""
SELF = "&self {<<: *self}"
DEEP = "[" * 30_000
TOO_MUCH = (BOMB, MERGES, SELF, DEEP, "- " * 3000)
