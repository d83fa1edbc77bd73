"""The numbers that vcnd uses on the node; one place, documented, configurable."""

from dataclasses import dataclass

from vcnd.linux.rtnetlink import MAIN_TABLE
from vcnd.model.vnic import PRIMARY_INDEX


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Route tables, rule priorities, marks and names (facts/dataplane.md §2)."""

    pods_table: int = 100
    """Table of the pods' host routes; VNIC n has ``pods_table + n``."""
    pods_priority: int = 1000
    """Rule to the pods' table."""
    mark_priority: int = 1010
    """Rules by packet mark, one per VNIC."""
    source_priority: int = 1020
    """Rules by the VNIC's own address, one per VNIC."""
    closed_priority: int = 1030
    """Rules that let a pod's packet without a mark go nowhere, one per pod subnet."""
    mark_mask: int = 0xFF
    """Bits of packet and connection marks that are ours; others are kept."""
    nft_table: str = "vcnd"
    link_group: int = 0x0C1
    """IFLA_GROUP of links that the reaper deletes."""
    link_prefix: str = "oci"
    """Pod interfaces on the host; what Calico's FELIX_INTERFACEPREFIX names."""
    mtu: int = 0
    """MTU of pods; 0 takes that of the primary VNIC's link."""

    def vnic_table(self, index: int) -> int:
        """Return a VNIC's route table; the primary VNIC's is the main one."""
        return MAIN_TABLE if index == PRIMARY_INDEX else self.pods_table + index

    @property
    def priorities(self) -> frozenset[int]:
        """Return the priorities at which our rules stand."""
        return frozenset(
            (
                self.pods_priority,
                self.mark_priority,
                self.source_priority,
                self.closed_priority,
            )
        )

    @property
    def keep_mask(self) -> int:
        """Return the bits of a mark that are others'."""
        return ~self.mark_mask & 0xFFFFFFFF
