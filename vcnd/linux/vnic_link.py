"""The VNICs' links on the node, as values.  Pure."""

from collections.abc import Sequence

import msgspec

from vcnd.linux.layout import Layout
from vcnd.model.ids import OWN_CLASS, ClassName
from vcnd.model.vnic import PRIMARY_INDEX


class VnicLink(msgspec.Struct, frozen=True, kw_only=True):
    """A VNIC's number and its link on this node."""

    index: int
    ifname: str
    link_index: int = 0
    pod_class: ClassName = OWN_CLASS
    """The class of its pods."""
    networks: tuple[str, ...] = ()
    """The subnet's CIDRs, where the VNIC carries pods."""
    vcn_cidrs: tuple[str, ...] = ()
    """The CIDRs of its VCN; empty while they are not known."""
    ipv6: bool = False
    """True if its subnet has IPv6."""
    foreign: bool = False
    """True if vcnd does not manage it: only answers to its connections matter."""

    @property
    def carries_pods(self) -> bool:
        """Return True if it is one of vcnd's own VNICs for pods."""
        return self.index != PRIMARY_INDEX and not self.foreign


def class_numbers(layout: Layout, vnics: Sequence[VnicLink]) -> dict[ClassName, int]:
    """Return a number for each class of pod VNICs: that of the class' first VNIC.

    Empty where NSGs are not enforced between pods of one node, or there is one class.
    """
    numbers: dict[ClassName, int] = {}
    for vnic in sorted(vnics, key=lambda v: v.index):
        if vnic.carries_pods:
            numbers.setdefault(vnic.pod_class, vnic.index)
    return numbers if layout.strict_nsgs and len(numbers) > 1 else {}


def primary_names(vnics: Sequence[VnicLink]) -> list[str]:
    """Return the name of the primary VNIC's link, if it is among some links."""
    return [v.ifname for v in vnics if v.index == PRIMARY_INDEX]
