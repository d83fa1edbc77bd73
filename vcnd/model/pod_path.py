"""The way of a pod's packets through node and VCN, as ``vcndctl path`` shows it.

The names in JSON are an interface: fields are added, and none is renamed or removed.
docs/operations.md describes them.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from vcnd.model.cause import Cause
from vcnd.model.family import Family
from vcnd.model.pod_explained import MOST_NAME
from vcnd.model.vcn_rules import Ruling, Transport, VcnStep


class PathQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """From which pod to where."""

    pod: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_NAME)]
    """``namespace/name``, or the name alone if one pod has it."""
    destination: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_NAME)]
    """An address, or a pod of this node."""
    transport: Transport | None = None
    """None: it is not told."""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] | None = None
    """The destination's; None: it is not told, or there is none."""


class FirstPacket(msgspec.Struct, frozen=True, kw_only=True):
    """The first packet of a pod's connection, about which the kernel is asked."""

    link: str
    """The pod's."""
    source: str
    """The pod's address."""
    destination: str
    number: int
    """Of the source's VNIC."""
    between_classes: bool
    """Whether its target is a pod of another class here."""
    inside: tuple[str, ...]
    """The networks of the VCN; empty while they are not known."""


class KernelWay(msgspec.Struct, frozen=True, kw_only=True):
    """What the kernel does with a pod's packet."""

    mark: int | None
    """The mark that the nft table gives it; None: the table does not know the pod."""
    is_strict: bool = False
    """True if it leaves the node although its target is a pod here."""
    table: int | None = None
    """The route table that decides; None: no rule leads to a route."""
    route: str = ""
    """The route's destination; ``default`` for all."""
    gateway: str = ""
    by_own_vnic: bool = False
    """True if that is the table of the pod's own VNIC."""
    out: str = ""
    """The link by which it leaves; empty: none."""
    mtu: int | None = None
    """Of that link."""
    is_local: bool = False
    """True if it is for the node itself."""
    is_translated: bool = False
    """True if it leaves in the node's name, by the primary VNIC."""
    refusal: str = ""
    """Why the kernel forwards it nowhere."""
    note: str = ""
    """What else decides about it."""


class Carrier(StrEnum):
    """What becomes of a pod's packet."""

    POD = "pod"
    """It goes to a pod of this node, from link to link."""
    VNIC = "vnic"
    """It leaves the node by a pod VNIC."""
    PRIMARY = "primary"
    """It leaves by the primary VNIC, or another link that is no pod VNIC's."""
    NODE = "node"
    """It is for the node itself."""
    DROPPED = "dropped"
    """The node drops or rejects it."""


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """The way of one packet of a new connection."""

    family: Family
    source: str
    destination: str
    link: str
    """The pod's link, by which the packet comes in."""
    carrier: Carrier
    kernel: KernelWay
    to_pod: str = ""
    """The pod of this node that gets it."""
    vnic_id: str = ""
    """The VNIC that it leaves by."""
    subnet_id: str = ""
    nsg_ids: tuple[str, ...] = ()
    """NSGs of the sender's class; they judge it if it leaves by a VNIC."""
    cause: Cause | None = None
    """Why it is dropped."""
    reason: str = ""
    vcn: tuple[VcnStep, ...] = ()
    """What the VCN decides, in the order of the packets, if it leaves by a VNIC."""
    vcn_ruling: Ruling | None = None
    """What that comes to; None: the VCN is not asked, or could not be read."""
    vcn_unread: tuple[str, ...] = ()
    """What of the VCN could not be read, and why."""


class PathAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The ways of a pod's packets: one for each family that both ends have."""

    pod: str
    ways: tuple[Way, ...]
