"""Where missing addresses should come from: which VNIC, or a new one."""

from dataclasses import dataclass

from vcnd.model.ids import VnicId


@dataclass(frozen=True, slots=True, kw_only=True)
class VnicRoom:
    """A pod VNIC of ours, how many addresses it has and how many it can have."""

    vnic_id: VnicId
    held: int
    limit: int
    """The most that it takes, learnt from a refusal or the published limit."""

    @property
    def room(self) -> int:
        """Return how many more addresses it takes."""
        return max(0, self.limit - self.held)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What the node has, as placement needs it."""

    vnics: tuple[VnicRoom, ...]
    vnic_slots_left: int
    """How many more VNICs the shape takes."""
    new_vnic_limit: int
    """How many secondary addresses a new VNIC is expected to take."""


@dataclass(frozen=True, slots=True)
class CreateAddresses:
    """Ask for so many single addresses on this VNIC, in bulk."""

    vnic_id: VnicId
    count: int


@dataclass(frozen=True, slots=True)
class AttachVnic:
    """Attach one more VNIC; its addresses follow when it is there."""


@dataclass(frozen=True, slots=True)
class NoRoom:
    """So many addresses have no place on this instance."""

    count: int


Step = CreateAddresses | AttachVnic | NoRoom


def plan(missing: int, inventory: Inventory) -> list[Step]:
    """Return the steps that bring ``missing`` addresses, fullest VNIC first.

    Filling the fullest first keeps other VNICs empty, so that they can be given
    back whole.  At most one VNIC is attached at a time: OCI changes an instance's
    VNICs one by one, and the next look plans the next.
    """
    steps: list[Step] = []
    for vnic in sorted(inventory.vnics, key=lambda v: (-v.held, v.vnic_id)):
        count = min(missing, vnic.room)
        if count > 0:
            steps.append(CreateAddresses(vnic.vnic_id, count))
            missing -= count
    if missing > 0 and inventory.vnic_slots_left > 0 and inventory.new_vnic_limit > 0:
        steps.append(AttachVnic())
        reachable = inventory.vnic_slots_left * inventory.new_vnic_limit
        missing = max(0, missing - reachable)
    if missing > 0:
        steps.append(NoRoom(missing))
    return steps
