"""How far a node's drain is, as ``vcndctl drain --json`` prints it.

The names in JSON are an interface: fields are added, and none is renamed or removed.
"""

import msgspec


class DrainStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A node that is being drained, or serves."""

    draining: bool
    pods: tuple[str, ...]
    """Those that still hold addresses: ``namespace/name``, or the sandbox."""
    held: int
    """How many addresses the node holds."""
    kept: bool = True
    """False: the disk refuses, and a restart of the daemon undoes the latest change."""
