"""On whose behalf something is done: one word that ties a CNI call to OCI requests."""

from contextvars import ContextVar

TRACE: ContextVar[str] = ContextVar("trace", default="pool")
"""The trace id of the call being answered; ``pool`` for the daemon's own work."""
