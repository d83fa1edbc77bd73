"""The VNICs of the node by number, and the numbers that stay reserved.

Packet marks, connection marks and route tables are derived from a VNIC's number.  So
a number is not given to another VNIC while leases stand on the one that had it.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from vcnd.model.ids import VnicId
from vcnd.model.vnic import PRIMARY_INDEX, Vnic, VnicSlot

MOST_INDEX = 95
"""A mark has eight bits: the highest tells packets that leave though their pod is here,
and a quarter of the numbers below is for VNICs that vcnd does not manage."""


class Numbers:
    """Which VNIC has which number."""

    def __init__(self) -> None:
        self.slots: dict[VnicId, VnicSlot] = {}
        """The attached VNICs."""
        self.gone: dict[VnicId, VnicSlot] = {}
        """Those that are gone and whose number is still reserved."""
        self._kept: Mapping[str, int] = {}

    def number(self, vnic: Vnic, *, primary: bool = False) -> VnicSlot:
        """Give a VNIC its number, or return the slot it has, brought up to date.

        A VNIC that comes back gets the number that it had.
        """
        held = self.slots.get(vnic.id) or self.gone.pop(vnic.id, None)
        if held is not None:
            index = held.index
        elif primary:
            index = PRIMARY_INDEX
        else:
            index = self._free_index(vnic.mac)
        slot = VnicSlot(index=index, vnic=vnic)
        self.slots[vnic.id] = slot
        return slot

    def restore(self, slot: VnicSlot) -> None:
        """Enter a VNIC with the number that it had."""
        self.slots[slot.vnic.id] = slot

    def keep(self, by_mac: Mapping[str, int]) -> None:
        """Keep the numbers that the kernel has, by MAC: the journal lost them."""
        self._kept = by_mac

    def _free_index(self, mac: str) -> int:
        used = {s.index for s in (*self.slots.values(), *self.gone.values())}
        former = self._kept.get(mac, 0)
        if former and former not in used:
            return former
        used |= {*self._kept.values()}
        indexes = range(PRIMARY_INDEX + 1, MOST_INDEX + 1)
        return next(i for i in indexes if i not in used)

    def retire(self, vnic_id: VnicId) -> bool:
        """Take a VNIC out that is gone; its number stays reserved until ``free``.

        Returns True if it was there.
        """
        slot = self.slots.pop(vnic_id, None)
        if slot is not None and not slot.is_primary:
            self.gone[vnic_id] = slot
        return slot is not None

    def unused(self, leased: AbstractSet[VnicId]) -> list[VnicId]:
        """Return the gone VNICs on which no lease stands."""
        return [v for v in self.gone if v not in leased]

    def free(self, vnic_id: VnicId) -> None:
        """Let the number of a gone VNIC serve another one."""
        self.gone.pop(vnic_id, None)
