"""Where missing addresses come from: which VNIC, which sizes, or a new VNIC.

A block is one object and one call, whatever its size; it needs an aligned free range,
and is released only as a whole.  Singles need free addresses and a call each, or a few
calls for all of them in bulk.
"""

from collections.abc import Mapping, Sequence

import msgspec

from vcnd.model.family import Family
from vcnd.model.ids import VnicId
from vcnd.model.vnic import PrivateIp

BLOCKS = {
    Family.IPV4: (4, 8, 16, 32, 64, 128, 256),
    Family.IPV6: (16, 256),
}
"""The sizes worth requesting.  Under four, singles cost no more calls and can be
released one by one.  OCI's IPv6 blocks have prefixes in steps of four."""


class VnicRoom(msgspec.Struct, frozen=True, kw_only=True):
    """A pod VNIC of ours, how many objects it has and how many it can have."""

    vnic_id: VnicId
    held: int
    limit: int
    """The most objects that it takes: learnt from a refusal, or the published limit."""
    probing: bool = False
    """It was refused more at the last request; one single tests it again."""
    busy: bool = False
    """A change is in flight there: its room counts, but nothing is planned for it."""

    @property
    def room(self) -> int:
        """Return how many more objects it takes."""
        return max(0, self.limit - self.held)


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """The node's VNICs and limits for one class and family."""

    family: Family
    vnics: tuple[VnicRoom, ...]
    vnic_slots_left: int
    """How many more VNICs the shape takes."""
    new_vnic_limit: int
    """How many secondary objects a new VNIC is expected to take."""
    blocks: tuple[int, ...]
    """The block sizes worth requesting, ascending; empty: singles only."""

    @property
    def largest(self) -> int:
        """Return the most addresses that one object can have."""
        return max(self.blocks, default=1)


class CreateAddresses(msgspec.Struct, frozen=True):
    """Request these blocks, one after another, and a number of singles on this VNIC."""

    vnic_id: VnicId
    family: Family
    blocks: tuple[int, ...]
    singles: int

    @property
    def count(self) -> int:
        """Return the number of all these addresses."""
        return sum(self.blocks) + self.singles


class AttachVnic(msgspec.Struct, frozen=True):
    """Attach one more VNIC; its addresses follow when it is attached."""


class NoRoom(msgspec.Struct, frozen=True):
    """A number of addresses do not fit on this instance."""

    count: int


Step = CreateAddresses | AttachVnic | NoRoom


def block_size(missing: int, family: Family, blocks: Sequence[int]) -> int:
    """Return the size of the block to request; 1 when no block is worth it.

    IPv4: the largest size that exceeds the missing number by at most a third, so 110
    missing addresses become one block of 128.  IPv6 addresses are plentiful, but a
    VNIC takes few objects: the smallest block that is enough.
    """
    if family is Family.IPV6:
        enough = [size for size in blocks if size >= missing]
        return min(enough, default=max(blocks, default=1))
    return max((size for size in blocks if 3 * size < 4 * missing), default=1)


def pieces(
    missing: int, room: int, family: Family, sizes: Sequence[int]
) -> tuple[tuple[int, ...], int]:
    """Return the blocks and the number of singles, at most ``room`` objects."""
    blocks: list[int] = []
    while missing > 0 and len(blocks) < room:
        size = block_size(missing, family, sizes)
        if size == 1:
            break
        blocks.append(size)
        missing -= size
    return tuple(blocks), max(0, min(missing, room - len(blocks)))


def plan(missing: int, inventory: Inventory) -> list[Step]:
    """Return the steps that bring ``missing`` addresses, fullest VNIC first.

    Filling the fullest first keeps other VNICs empty, so that they can be released
    whole.  At most one VNIC is attached at a time: OCI changes an instance's VNICs
    one by one, and the next reconcile plans the next one.
    """
    steps: list[Step] = []
    family, blocks = inventory.family, inventory.blocks
    for vnic in sorted(inventory.vnics, key=lambda v: (-v.held, v.vnic_id)):
        if missing <= 0 or vnic.room == 0:
            continue
        if vnic.busy:
            missing -= vnic.room * inventory.largest
            continue
        probe = ((), 1)
        wanted = probe if vnic.probing else pieces(missing, vnic.room, family, blocks)
        step = CreateAddresses(vnic.vnic_id, family, *wanted)
        steps.append(step)
        missing -= step.count
    if missing > 0 and inventory.vnic_slots_left > 0 and inventory.new_vnic_limit > 0:
        steps.append(AttachVnic())
        objects = inventory.vnic_slots_left * inventory.new_vnic_limit
        reachable = objects * inventory.largest
        missing = max(0, missing - reachable)
    if missing > 0:
        steps.append(NoRoom(missing))
    return steps


class Releasable(msgspec.Struct, frozen=True, kw_only=True):
    """A pod VNIC and its unused objects."""

    vnic_id: VnicId
    objects: tuple[PrivateIp, ...]
    """Objects whose addresses are all free, longest free first."""
    idle: bool
    """True if it has no other addresses."""

    def size(self, family: Family) -> int:
        """Return how many addresses of a family are releasable."""
        return sum(p.size for p in self.objects if p.family is family)


class ReleasePlan(msgspec.Struct, frozen=True):
    """What to release: a whole VNIC, and objects of others."""

    vnic_id: VnicId | None
    objects: dict[VnicId, list[PrivateIp]]


def plan_release(
    vnics: list[Releasable],
    surplus: Mapping[Family, int],
    *,
    may_detach: bool = True,
    keep_one: bool = True,
) -> ReleasePlan:
    """Return what to release for a surplus of each family; never more than it.

    An idle VNIC is released whole, with its addresses: one at a time, the last one
    first.  VNICs queued for detach keep their addresses until their turn.  One VNIC
    stays, unless nobody needs this class (``keep_one``).  From the other VNICs the
    largest objects that fit go first.
    """
    left = {family: max(0, surplus.get(family, 0)) for family in Family}
    whole = [v for v in vnics if v.idle and all(v.size(f) <= left[f] for f in Family)]
    if keep_one and len(whole) == len(vnics):
        whole = whole[1:]
    to_delete = whole[-1] if whole and may_detach else None
    for family in Family:
        left[family] -= sum(v.size(family) for v in whole)
    kept = {v.vnic_id for v in whole}
    rest = [p for v in vnics if v.vnic_id not in kept for p in v.objects]
    objects: dict[VnicId, list[PrivateIp]] = {}
    for private_ip in sorted(rest, key=lambda p: -p.size):
        if private_ip.size <= left[private_ip.family]:
            objects.setdefault(private_ip.vnic_id, []).append(private_ip)
            left[private_ip.family] -= private_ip.size
    return ReleasePlan(to_delete.vnic_id if to_delete else None, objects)
