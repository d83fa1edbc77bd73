"""The numbers that vcnd uses on the node; one place, documented, configurable."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Route tables, rule priorities, marks and names (facts/dataplane.md §2)."""

    pods_table: int = 100
    """Table of the pods' host routes; VNIC n has ``pods_table + n``."""
    pods_priority: int = 1000
    """Rule to the pods' table."""
    mark_priority: int = 1010
    """Rules by packet mark, one per pod VNIC."""
    source_priority: int = 1020
    """Rules by the VNIC's own address, one per pod VNIC."""
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
        """Return the route table of a pod VNIC."""
        return self.pods_table + index

    @property
    def keep_mask(self) -> int:
        """Return the bits of a mark that are others'."""
        return ~self.mark_mask & 0xFFFFFFFF
