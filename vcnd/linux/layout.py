"""The numbers that vcnd uses on the node; one place, documented, configurable."""

from collections.abc import Iterator
from itertools import pairwise

import msgspec

from vcnd.core.networks import is_network
from vcnd.model.vnic import PRIMARY_INDEX
from vcnd.netlink.rtnetlink import MAIN_TABLE

LEAST_MTU = 1280
"""Of IPv6 (RFC 8200, section 5)."""
LAST_TABLE = (1 << 32) - 1
RESERVED_TABLES = frozenset({253, 254, 255})
"""The kernel's own: default, main, local (rtnetlink(7))."""
LAST_PRIORITY = 32765
"""The rule to the main table has the next one."""
LEAST_MARKS = 256
"""How many different marks a node needs at least."""
POLICY_MARKS = 0xFFFF00
"""The bits of connection marks in which vcnd-policy keeps numbers; [policy] on only."""
POLICY_TABLES = ("vcnd-policy", "vcnd-policy-guard")
"""The nft tables of network policies, of family inet."""


def is_mask(mask: int) -> bool:
    """Return True if the bits of a mask are side by side, and enough."""
    lowest = mask & -mask
    row = mask // lowest + 1 if lowest > 0 else 0
    return 0 < mask < 1 << 32 and row & (row - 1) == 0 and row >= LEAST_MARKS


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """Route tables, rule priorities, marks and names (docs/data-plane.md)."""

    pods_table: int = 100
    """Table of the pods' host routes; VNIC n has ``pods_table + n``."""
    strict_priority: int = 990
    """Rules to a VNIC's table for packets to pods of another class on this node."""
    pods_priority: int = 1000
    """Rule to the pods' table."""
    mark_priority: int = 1010
    """Rules by packet mark, one per VNIC.  One lower, per pod VNIC: the rule that
    rejects packets from the VCN that no pod of this node has the address for."""
    source_priority: int = 1020
    """Rules by the VNIC's own address, one per VNIC."""
    local_priority: int = 1025
    """Rules to the main table for what the node sends from its further addresses in
    the pods' subnets, one per subnet."""
    closed_priority: int = 1030
    """Rules that let a pod's packet without a mark go nowhere, one per pod subnet."""
    mark_mask: int = 0xFF
    """The bits of packet and connection marks that vcnd uses; others are kept."""
    nft_table: str = "vcnd"
    strict_nsgs: bool = True
    """True if pods of different classes on this node talk through the VCN."""
    link_group: int = 0x6F636901
    """IFLA_GROUP of links that the reaper deletes; no number that others would take."""
    link_prefix: str = "oci"
    """Pod interfaces on the host; what Calico's FELIX_INTERFACEPREFIX names."""
    forward_accept: bool = True
    """True if pods' accepts are inserted into foreign FORWARD chains that drop."""
    express: bool = True
    """True if packets of established connections may use the express lane."""
    snat: bool = False
    """True if pods' connections to outside the VCN leave in the node's name."""
    snat_exempt: tuple[str, ...] = ()
    """Networks outside the VCN to which pods talk as themselves all the same."""
    mtu: int = 0
    """MTU of pods; 0 takes that of the primary VNIC's link."""
    outside_mtu: int = 1500
    """MTU of pods' packets to destinations outside the VCN, whose gateways have links
    of 1500 bytes; 0: as inside."""
    outside_mtu_exempt: tuple[str, ...] = ()
    """Networks outside the VCN that take the MTU of pods all the same: peered VCNs, and
    what FastConnect reaches with 9000 bytes."""

    def vnic_table(self, index: int) -> int:
        """Return a VNIC's route table; the primary VNIC's is the main one."""
        return MAIN_TABLE if index == PRIMARY_INDEX else self.pods_table + index

    def mark(self, index: int) -> int:
        """Return the mark of packets that a VNIC carries."""
        return index * (self.mark_mask & -self.mark_mask)

    def strict_mark(self, index: int) -> int:
        """Return the mark of packets that leave by a VNIC though their pod is here.

        The highest of our bits tells it from the VNIC's own mark.
        """
        return self.mark(index) | self._highest

    @property
    def _highest(self) -> int:
        """Return the highest of our bits."""
        return self.mark_mask & ~(self.mark_mask >> 1)

    @property
    def arrived_mark(self) -> int:
        """Return the mark of packets from the VCN for a pod of this node.

        If there is no such pod they are rejected.  It is no VNIC's ``strict_mark``:
        the primary carries no pods.
        """
        return self.strict_mark(PRIMARY_INDEX)

    @property
    def proof_mark(self) -> int:
        """Return the mark of packets that may enter the express lane: all our bits.

        It is set after routing, so that no rule reads it.
        """
        return self.mark_mask

    @property
    def most_numbers(self) -> int:
        """Return how many numbers there are for VNICs, 0 included.

        The highest is left out: its ``strict_mark`` would be ``proof_mark``.
        """
        return self._highest // (self.mark_mask & -self.mark_mask) - 1

    @property
    def most_pod_vnics(self) -> int:
        """Return the highest number of a pod VNIC; those above are for foreign ones."""
        return (self.most_numbers + 1) * 3 // 4

    @property
    def priorities(self) -> frozenset[int]:
        """Return the priorities at which our rules stand."""
        return frozenset(
            (
                self.strict_priority - 1,
                self.strict_priority,
                self.pods_priority,
                self.mark_priority - 1,
                self.mark_priority,
                self.source_priority,
                self.local_priority,
                self.closed_priority,
            )
        )

    def mistakes(self) -> Iterator[str]:
        """Yield what makes no sense; each value alone is in its range."""
        if not is_mask(self.mark_mask):
            yield (
                f"mark_mask {self.mark_mask:#x} is no row of eight or more bits side by"
                " side, of 32"
            )
            return
        for name, mtu in (("mtu", self.mtu), ("outside_mtu", self.outside_mtu)):
            if 0 < mtu < LEAST_MTU:
                yield (
                    f"{name} {mtu} is less than IPv6 takes: 0, or {LEAST_MTU} and more"
                )
        last = self.pods_table + self.most_numbers
        if last > LAST_TABLE or not RESERVED_TABLES.isdisjoint(
            range(self.pods_table, last + 1)
        ):
            yield (
                f"pods_table {self.pods_table} and the VNICs' tables up to {last} must"
                " leave out 253 to 255, which are the kernel's: 256 and more does"
            )
        order = {
            "strict_priority": self.strict_priority,
            "pods_priority": self.pods_priority,
            "mark_priority": self.mark_priority,
            "source_priority": self.source_priority,
            "local_priority": self.local_priority,
            "closed_priority": self.closed_priority,
        }
        for (before, low), (after, high) in pairwise(order.items()):
            # Some rules stand one lower than their priority says.
            if high < low + 2:
                yield f"{after} must be greater than {before}, by two at least"
        for network in self.snat_exempt:
            if ":" in network or not is_network(network):
                yield f"snat_exempt: {network!r} is no network as 172.16.0.0/12"
        for network in self.outside_mtu_exempt:
            if not is_network(network):
                yield f"outside_mtu_exempt: {network!r} is no network as fd01::/48"

    @property
    def keep_mask(self) -> int:
        """Return the bits of a mark that are others'."""
        return ~self.mark_mask & 0xFFFFFFFF
