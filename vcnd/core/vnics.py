"""The instance's VNICs, their numbers, and which of them serve new pods.

Packet marks, connection marks and route tables are derived from a VNIC's number.  So
no other VNIC gets a number while leases exist on the VNIC that had it.
"""

from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType

from msgspec.structs import replace

from vcnd.core.classes import is_retired, own_or_retired
from vcnd.model.ids import OWN_CLASS, ClassName, VnicId
from vcnd.model.vnic import PRIMARY_INDEX, Vnic, VnicSlot

MOST_INDEX = 95
"""A mark has eight bits.  The highest marks packets that leave although their pod is on
this node; a quarter of the numbers below is for VNICs that vcnd does not manage."""


class VnicTable:
    """Owns the node's knowledge of its VNICs.  No lock is needed: no method awaits."""

    def __init__(self) -> None:
        self._slots: dict[VnicId, VnicSlot] = {}
        """The attached VNICs."""
        self._recorded: dict[VnicId, VnicSlot] = {}
        """The numbers that the journal has."""
        self._gone: dict[VnicId, VnicSlot] = {}
        """VNICs that are gone, with numbers that are still reserved."""
        self._kept: Mapping[str, int] = {}
        """Numbers that the kernel has, by MAC, if the journal was lost."""
        self._unlinked: frozenset[VnicId] = frozenset()
        self._lost_links: frozenset[VnicId] = frozenset()
        self._doubted: frozenset[VnicId] = frozenset()
        self._detaching: frozenset[VnicId] = frozenset()
        self._own_subnets: Collection[str] = ()
        self._attached = 0
        self._limit = 0

    # Which there are

    @property
    def slots(self) -> Mapping[VnicId, VnicSlot]:
        """Return the attached VNICs and their numbers."""
        return MappingProxyType(self._slots)

    @property
    def pod_slots(self) -> list[VnicSlot]:
        """Return the VNICs that carry pods, by number."""
        slots = (s for s in self._slots.values() if not s.is_primary)
        return sorted(slots, key=lambda s: s.index)

    def class_of(self, vnic_id: VnicId) -> ClassName:
        """Return a VNIC's class; the node's own for an unknown VNIC."""
        slot = self._slots.get(vnic_id)
        return slot.vnic.pod_class if slot is not None else OWN_CLASS

    def follow(self, subnet_ids: Collection[str]) -> None:
        """Note the subnets of the node's own class, once they are settled.

        Its VNICs of other subnets are retired: they are a class that no pod gets.
        """
        self._own_subnets = tuple(subnet_ids)
        for slot in self.pod_slots:
            vnic = self._classed(slot.vnic, slot)
            self._slots[vnic.id] = replace(slot, vnic=vnic)

    def _classed(self, vnic: Vnic, held: VnicSlot | None) -> Vnic:
        """Return a VNIC with its class: its tag does not tell that it is retired."""
        name = vnic.pod_class
        if name == OWN_CLASS and held is not None:
            name = held.vnic.pod_class
        name = own_or_retired(name, vnic.subnet_id, self._own_subnets)
        return vnic if name == vnic.pod_class else replace(vnic, pod_class=name)

    def add(self, vnic: Vnic, *, primary: bool = False) -> VnicSlot:
        """Add or update a VNIC; return its slot with its number.

        A VNIC that comes back gets its former number.
        """
        held = self._slots.get(vnic.id) or self._gone.pop(vnic.id, None)
        if not primary:
            vnic = self._classed(vnic, held)
        if held is not None:
            index = held.index
        elif primary:
            index = PRIMARY_INDEX
        else:
            index = self._free_index(vnic.mac)
        slot = VnicSlot(index=index, vnic=vnic)
        self._slots[vnic.id] = slot
        return slot

    def _free_index(self, mac: str) -> int:
        used = {s.index for s in (*self._slots.values(), *self._gone.values())}
        former = self._kept.get(mac, 0)
        if former and former not in used:
            return former
        used |= {*self._kept.values()}
        indexes = range(PRIMARY_INDEX + 1, MOST_INDEX + 1)
        return next(i for i in indexes if i not in used)

    def restore(self, slot: VnicSlot) -> None:
        """Restore a VNIC with the number from the journal."""
        self._slots[slot.vnic.id] = slot
        self.note_recorded([slot])

    @property
    def unrecorded(self) -> list[VnicSlot]:
        """Return the VNICs that the journal lacks, or has otherwise."""
        found = self._slots.values()
        return [s for s in found if self._recorded.get(s.vnic.id) != s]

    def note_recorded(self, slots: Iterable[VnicSlot]) -> None:
        """Note that the journal has these."""
        self._recorded |= {s.vnic.id: s for s in slots}

    def retire(self, vnic_id: VnicId) -> bool:
        """Remove a VNIC that is gone; its number stays reserved until it is freed.

        Return True if the table had it.
        """
        self._doubted -= {vnic_id}
        self._detaching -= {vnic_id}
        slot = self._slots.pop(vnic_id, None)
        if slot is not None and not slot.is_primary:
            self._gone[vnic_id] = slot
        return slot is not None

    def detached(self, vnic_id: VnicId) -> None:
        """Remove a VNIC that we detached; it had no pods, so its number is free."""
        if self.retire(vnic_id):
            self._attached -= 1
        self.free_number(vnic_id)

    # Numbers

    def unused_numbers(self, leased: AbstractSet[VnicId]) -> list[VnicId]:
        """Return the gone VNICs that no lease belongs to."""
        return [v for v in self._gone if v not in leased]

    def free_number(self, vnic_id: VnicId) -> None:
        """Free the number of a VNIC that is gone."""
        self._gone.pop(vnic_id, None)
        self._recorded.pop(vnic_id, None)

    def keep_numbers(self, by_mac: Mapping[str, int]) -> None:
        """Keep the kernel's numbers, by MAC, since the journal lost them."""
        self._kept = by_mac

    # How many there are

    @property
    def attached(self) -> int:
        """Return how many VNICs are attached or attaching, including the primary."""
        return self._attached

    @property
    def limit(self) -> int:
        """Return how many VNICs the shape allows; 0 while unknown."""
        return self._limit

    def counted(self, *, attached: int, limit: int) -> None:
        """Note the numbers that an audit counted."""
        self._attached, self._limit = attached, limit

    def attached_one(self, *, before: int) -> None:
        """Note that a VNIC was attached; an audit may have counted it already.

        Args:
            before: how many were attached before.
        """
        self._attached = max(before + 1, self._attached)

    # Which serve new pods

    @property
    def unlinked(self) -> frozenset[VnicId]:
        """Return the VNICs that have no link on the node."""
        return self._unlinked

    @property
    def doubted(self) -> frozenset[VnicId]:
        """Return the VNICs that OCI's list lacks, unconfirmed by a second witness."""
        return self._doubted

    @property
    def detaching(self) -> frozenset[VnicId]:
        """Return the VNICs whose detachment was sent, with an unknown outcome."""
        return self._detaching

    @property
    def all_serve(self) -> bool:
        """Return True if no VNIC is withheld from new pods."""
        return not any(self._withheld)

    def serves(self, vnic_id: VnicId) -> bool:
        """Return True if new pods may have the addresses of a VNIC."""
        return not any(vnic_id in vnics for vnics in self._withheld)

    @property
    def _withheld(self) -> tuple[frozenset[VnicId], ...]:
        return self._unlinked, self._doubted, self._detaching

    @property
    def lost_links(self) -> frozenset[VnicId]:
        """Return the VNICs without a link that have had one."""
        return self._lost_links

    def set_unlinked(
        self, unlinked: AbstractSet[VnicId], lost: AbstractSet[VnicId] = frozenset()
    ) -> None:
        """Note which VNICs have no link, and which of them have just lost it."""
        self._unlinked = frozenset(unlinked)
        self._lost_links = self._unlinked & (self._lost_links | lost)

    def set_doubted(self, doubted: AbstractSet[VnicId]) -> None:
        """Note which VNICs OCI's list lacks."""
        self._doubted = frozenset(doubted)

    def start_detaching(self, vnic_id: VnicId) -> None:
        """Note that a VNIC may be detached: the outcome is not known."""
        self._detaching |= {vnic_id}

    def stop_detaching(self, vnic_id: VnicId) -> None:
        """Note that a VNIC is still attached."""
        self._detaching -= {vnic_id}


def as_tagged(vnic: Vnic) -> Vnic:
    """Return a VNIC with the class of its tag: a retired one was of the own class."""
    return replace(vnic, pod_class=OWN_CLASS) if is_retired(vnic.pod_class) else vnic
