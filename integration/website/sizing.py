"""The tables of the page about sizes, made by the pool's own rules."""

from pathlib import Path
from typing import NamedTuple

from fakeoci.world.shapes import FIXED, max_vnics
from integration.website.made import table
from vcnd.config import Config
from vcnd.core.placement import (
    BLOCKS,
    AttachVnic,
    CreateAddresses,
    Inventory,
    VnicRoom,
    plan,
)
from vcnd.core.target import PoolPolicy, target
from vcnd.core.vnics import MOST_INDEX
from vcnd.model.family import Family
from vcnd.model.ids import VnicId
from vcnd.model.vnic import PRIMARY_INDEX

PAGE = Path("docs") / "sizing.md"
PER_VNIC, PER_VNIC_OF_TRIALS = 64, 32
"""Single secondary addresses of a VNIC (docs/oci.md#limits)."""
OKE_PER_VNIC, OKE_MOST = 31, 110
"""Of OKE's classic mode (docs/comparison.md)."""
BARE_METAL_VNICS = 256
RESERVED = 3
"""Of each subnet: its first two addresses and its last."""
OCPUS = (1, 2, 4, 8, 16, 24)
PODS = (0, 10, 30, 60, 110, 250)
PREFIXES = (26, 25, 24, 23, 22, 21, 20, 18, 16)


class Held(NamedTuple):
    """What a node holds."""

    addresses: int
    """Secondary addresses, for pods."""
    vnics: int
    """Pod VNICs; each has a primary address of the pod subnet, too."""

    @property
    def of_the_subnet(self) -> int:
        """Return how many addresses of the pod subnet these are."""
        return self.addresses + self.vnics


def policy(pods: int) -> PoolPolicy:
    """Return the default settings, with room for so many pods."""
    default = Config().pool_policy()
    return PoolPolicy(maximum=max(default.maximum, pods))


def held(pods: int, *, blocks: bool, per_vnic: int = PER_VNIC) -> Held:
    """Return what a cold node holds after so many pods were bound at once.

    The pool's own rules plan it, as often as one plan leaves something missing.
    """
    settings = policy(pods)
    missing = target(pods, settings)
    count, rooms = 0, list[VnicRoom]()
    while missing > 0:
        inventory = Inventory(
            family=Family.IPV4,
            vnics=tuple(rooms),
            vnic_slots_left=255,
            new_vnic_limit=per_vnic,
            blocks=BLOCKS[Family.IPV4] if blocks else (),
        )
        for step in plan(missing, inventory):
            if isinstance(step, AttachVnic):
                name = VnicId(f"vnic{len(rooms)}")
                rooms.append(VnicRoom(vnic_id=name, held=0, limit=per_vnic))
            elif isinstance(step, CreateAddresses):
                rooms = [_filled(room, step) for room in rooms]
                count += step.count
                missing -= step.count
    return Held(count, len(rooms))


def _filled(room: VnicRoom, step: CreateAddresses) -> VnicRoom:
    """Return a VNIC after a step; a block is one object."""
    if room.vnic_id != step.vnic_id:
        return room
    more = len(step.blocks) + step.singles
    return VnicRoom(vnic_id=room.vnic_id, held=room.held + more, limit=room.limit)


def nodes(prefix: int, each: Held) -> int:
    """Return how many such nodes a pod subnet has addresses for."""
    return max(0, (1 << 32 - prefix) - RESERVED) // each.of_the_subnet


def shapes() -> str:
    """Return the table of shapes: VNICs, and pods that their addresses suffice for."""
    fixed = [(name, shape.vnics) for name, shape in FIXED.items()]
    flexible = [
        (f"flexible VM, {ocpus} OCPU", max_vnics("VM.Standard.E5.Flex", ocpus))
        for ocpus in OCPUS
    ]
    every = [*flexible, *fixed, ("bare metal, current", BARE_METAL_VNICS)]
    head = (
        "shape",
        "VNICs",
        f"addresses, {PER_VNIC} a VNIC",
        f"addresses, {PER_VNIC_OF_TRIALS} a VNIC (trial)",
        "pods in OKE's classic mode",
    )
    return table(head, (_shape(name, count) for name, count in every))


def _shape(name: str, count: int) -> tuple[str, ...]:
    pod_vnics = min(count - 1, MOST_INDEX - PRIMARY_INDEX)
    numbers = (
        count,
        pod_vnics * PER_VNIC,
        pod_vnics * PER_VNIC_OF_TRIALS,
        min((count - 1) * OKE_PER_VNIC, OKE_MOST),
    )
    return (name, *(f"{number:,}" for number in numbers))


def pools() -> str:
    """Return the table of what a node holds, by its pods."""
    rows = list[tuple[object, ...]]()
    for pods in PODS:
        single, block = held(pods, blocks=False), held(pods, blocks=True)
        rows.append(
            (pods, single.addresses, single.vnics, block.addresses, block.vnics)
        )
    head = ("pods", "addresses, singles", "pod VNICs", "in blocks", "pod VNICs")
    return table(head, rows)


def subnets() -> str:
    """Return the table of how many nodes fit a subnet."""
    kinds = [(pods, held(pods, blocks=True)) for pods in (10, 30, 60, 110)]
    head = ("subnet", "addresses", *(f"nodes of {pods} pods" for pods, _ in kinds))
    rows = [
        (
            f"/{prefix}",
            f"{(1 << 32 - prefix) - RESERVED:,}",
            *(f"{nodes(prefix, each):,}" for _, each in kinds),
        )
        for prefix in PREFIXES
    ]
    return table(head, rows)


TABLES = {"shapes": shapes, "pools": pools, "subnets": subnets}
