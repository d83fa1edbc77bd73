"""Differences between the desired and the found state of the node."""

from enum import StrEnum

import msgspec


class DriftKind(StrEnum):
    """The kind of a difference.

    The values are names that users see (logs, ``vcndctl audit``): they stay.
    """

    RULE = "rule"
    """A routing rule."""
    ROUTE = "route"
    ADDRESS = "address"
    """An address of a VNIC's link."""
    LINK = "link"
    """A link is down, or gone."""
    MTU = "mtu"
    ALIAS = "alias"
    """The alias of a pod's link, which says whose it is."""
    NEIGHBOUR = "neighbour"
    """A pod's permanent neighbour on the node."""
    SETTING = "setting"
    """A setting of a link, as ``sysctl`` names it."""
    NFT_TABLE = "nft_table"
    """The table's chains and rules."""
    NFT_ELEMENT = "nft_element"
    """A pod's element in the table's maps."""
    SANDBOX = "sandbox"
    """A lease whose sandbox is gone."""
    LOST_LEASE = "lost_lease"
    """A link that carries a pod, without a lease."""
    ORPHAN_LINK = "orphan_link"
    """A pod's link that carries no pod."""
    CLOUD_ADDRESS = "cloud_address"
    """An address or block that the cloud has and the ledger lacks, or the reverse."""
    CLOUD_VNIC = "cloud_vnic"
    """A VNIC, likewise."""
    NSGS = "nsgs"
    """The NSGs of a VNIC."""
    TAGS = "tags"
    """vcnd's tags on a VNIC or an address."""
    POD = "pod"
    """A pod that Kubernetes has not bound to this node."""


class Drift(msgspec.Struct, frozen=True, order=True):
    """One part of the kernel's state that differs."""

    kind: DriftKind
    what: str
    """The object's name, as ``ip`` and ``nft`` have it."""
    wanted: str
    """The desired value; empty if there should be no such object."""
    found: str
    """The found value; empty if there is no such object."""
    link: str = ""
    """The link that the part belongs to, if it belongs to one."""


class Author(msgspec.Struct, frozen=True):
    """The process that changed something, as far as the kernel tells."""

    pid: int
    name: str = ""
    """Empty if the kernel does not tell it, and the process has ended."""

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.name or 'process'} {self.pid}"
