"""How many addresses are in each state, by VNIC, family and fixed name.

All questions about numbers of addresses are about such groups, and a node has few of
them, however many addresses it has.
"""

from collections.abc import Callable, Container, Mapping
from typing import Protocol

import msgspec

from vcnd.core.states import Counts, State
from vcnd.model.family import Family
from vcnd.model.ids import VnicId
from vcnd.model.vnic import PrivateIp


class Placed(Protocol):
    """What a group and each object in it have alike."""

    @property
    def vnic_id(self) -> VnicId:
        """Return the VNIC."""

    @property
    def family(self) -> Family:
        """Return the family."""

    @property
    def fixed(self) -> str:
        """Return the name of a fixed address; empty for others."""


Selector = Callable[[Placed], bool]
"""Chooses among groups, or among the cloud's objects."""


class Group(msgspec.Struct, frozen=True):
    """What objects have alike (``Placed``)."""

    vnic_id: VnicId
    family: Family
    fixed: str


class Groups:
    """The cloud's objects by group, and a tally that lasts until the next move."""

    def __init__(
        self,
        *,
        holders: Container[str],
        cooling: Container[str],
        withheld: Mapping[str, State],
    ) -> None:
        """Begin with none.

        Args:
            holders: the leased addresses.
            cooling: the addresses in cooldown.
            withheld: why an object is withheld, by its first address.
        """
        self._holders, self._cooling, self._withheld = holders, cooling, withheld
        self._objects: dict[Group, dict[str, tuple[str, ...]]] = {}
        """The addresses of each object, by its first."""
        self._tally: dict[Group, Counts] | None = None

    def add(self, private_ip: PrivateIp) -> None:
        """Add an object."""
        objects = self._objects.setdefault(_group_of(private_ip), {})
        objects[private_ip.address] = private_ip.addresses

    def remove(self, private_ip: PrivateIp) -> None:
        """Remove an object that was added."""
        group = _group_of(private_ip)
        objects = self._objects[group]
        del objects[private_ip.address]
        if not objects:
            del self._objects[group]

    def move(self) -> None:
        """Note that an address is about to change its state, or its object to go."""
        self._tally = None

    def held(self, vnic_id: VnicId, family: Family) -> int:
        """Return how many objects of a family a VNIC has."""
        some = self._objects.items()
        return sum(
            len(o) for g, o in some if g.vnic_id == vnic_id and g.family is family
        )

    def families(self) -> set[Family]:
        """Return the families of all objects."""
        return {group.family for group in self._objects}

    def counts(self, which: Selector) -> Counts:
        """Return how many addresses of some groups are in each state."""
        if self._tally is None:
            self._tally = {g: self._count(o) for g, o in self._objects.items()}
        found = [counts for group, counts in self._tally.items() if which(group)]
        return found[0] if len(found) == 1 else sum(found, Counts(0, 0, 0, 0))

    def _count(self, objects: Mapping[str, tuple[str, ...]]) -> Counts:
        free = leased = cooling = deleting = doubted = 0
        for first, addresses in objects.items():
            withheld = self._withheld.get(first)
            for address in addresses:
                if address in self._holders:
                    leased += 1
                elif withheld is State.DELETING:
                    deleting += 1
                elif withheld is not None:
                    doubted += 1
                elif address in self._cooling:
                    cooling += 1
                else:
                    free += 1
        return Counts(free, leased, cooling, deleting, doubted)


def _group_of(private_ip: PrivateIp) -> Group:
    return Group(private_ip.vnic_id, private_ip.family, private_ip.fixed)
