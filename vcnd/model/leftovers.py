"""What a cluster left behind in the cloud, as ``vcndctl sweep --json`` prints it.

The names in JSON are an interface: fields are added, and none is renamed or removed.
"""

from enum import StrEnum

import msgspec


class LeftCause(StrEnum):
    """Why an object belongs to no node."""

    INSTANCE_GONE = "instance_gone"
    """Its instance does not exist, or is being terminated."""
    NO_NODE = "no_node"
    """Its instance is no node of the cluster."""
    MOVED = "moved"
    """A VNIC whose tag names another instance than the one that has it."""
    UNUSED = "unused"
    """A fixed address of a cluster that is gone."""


class Leftover(msgspec.Struct, frozen=True, kw_only=True):
    """A VNIC or a fixed address that belongs to no node."""

    id: str
    cause: LeftCause
    instance_id: str
    """The instance that has it; empty if none has."""
    subnet_id: str
    addresses: tuple[str, ...]
    """Those that it holds, blocks with their prefix length."""
    fixed: str = ""
    """``namespace/name`` of a fixed address; empty: it is a VNIC."""
    attachment_id: str = ""
    """Of a VNIC."""
    tagged: str = ""
    """The instance that a VNIC's tag names."""

    @property
    def is_harmless(self) -> bool:
        """Return True if no instance that lives can lose anything by its removal."""
        return self.cause in (LeftCause.INSTANCE_GONE, LeftCause.UNUSED)


class SweepReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was found."""

    cluster: str
    nodes: int
    """How many instances are nodes of the cluster."""
    vnics: int
    """How many of the cluster's VNICs belong to them."""
    leftovers: tuple[Leftover, ...]
    """Those that are still there."""
    unread: dict[str, str]
    """What could not be listed, and why."""
    removed: tuple[Leftover, ...] = ()
    kept: dict[str, str] = {}
    """OCIDs of leftovers that were to be removed, and why they are still there."""
