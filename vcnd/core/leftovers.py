"""Which of a cluster's objects in the cloud belong to no node."""

from collections.abc import Set as AbstractSet

import msgspec

from vcnd.model.leftovers import LeftCause


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """The instances that matter."""

    existing: AbstractSet[str]
    """Instances of the compartments that are not being terminated."""
    nodes: AbstractSet[str]
    """Instances that are nodes of the cluster."""


def why_left(attached: str, tagged: str, inventory: Inventory) -> LeftCause | None:
    """Return why a VNIC belongs to no node, or None if one may use it.

    A daemon uses the VNICs that its own instance has, and whose tag names it.

    Args:
        attached: the instance that has the VNIC.
        tagged: the instance that its tag names.
        inventory: which instances there are.
    """
    # A node is alive whatever the lists of instances say: they may omit a new one.
    if attached in inventory.nodes:
        return None if tagged == attached else LeftCause.MOVED
    if attached not in inventory.existing:
        return LeftCause.INSTANCE_GONE
    return LeftCause.NO_NODE
