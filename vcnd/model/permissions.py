"""Which policy statements a node's calls have shown, for ``vcndctl permissions``.

The names in JSON are an interface: fields are added, and none is renamed or removed.
"""

from enum import StrEnum

import msgspec


class Held(StrEnum):
    """What calls have shown of a statement since the daemon's start."""

    USED = "used"
    """A call that needs it succeeded."""
    REFUSED = "refused"
    """A call that needs it, and nothing else that is open, was answered 404."""
    UNKNOWN = "unknown"
    """No call has needed it, or one that also needed others was refused."""


class StatementStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A statement of docs/oci-policy.md."""

    statement: str
    held: Held
    purpose: str
    operation: str = ""
    """The call that showed it."""


class PermissionsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The statements, in the page's order."""

    statements: tuple[StatementStatus, ...]
    unread: str = ""
    """Why not all reads could be tried."""
