"""YAML that a reader may not expect."""

NO_VALUES = (
    *("!!bool x", "!!int x", "!!int ''", "!!float ''", "!!float x", "!!timestamp x"),
    *("2026-99-99", "2026-01-01T00:00:00+99:99", "-0x_", "1" * 5000),
)
"""Scalars that are no value of their tag, the written one or the one that they have by
their looks."""
