"""Violations of the invariants (docs/invariants.md), as values."""

from collections.abc import Callable

import msgspec


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """Something that must never happen, and did."""

    rule: str
    """The invariant's number, or another rule's name."""
    at: float
    """Virtual seconds since the start."""
    node: str
    what: str


DEFECT = "defect"
"""A daemon raised an exception that it did not foresee."""
POLICIES = "policies"
"""Time had passed since the last news, and a packet passed that policies deny, or was
dropped that they allow."""
SETTLED = "settled"
"""Faults had ended, time had passed, and something was still wrong."""

Report = Callable[[str, str, str], None]
"""Takes a rule, a node's name and a sentence."""
