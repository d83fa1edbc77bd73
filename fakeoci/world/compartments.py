"""A tenancy's compartments: a tree with the tenancy as its root."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fakeoci.world.errors import not_found
from fakeoci.world.ocid import Names

TENANCY, DEFAULT = "fakeoci", "network"
"""Names of the tenancy, and of the compartment that it always has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compartment:
    """A compartment.  Its name is unique in the tenancy."""

    id: str
    name: str
    parent: str
    """The parent's name; the tenancy is its own parent."""


class Compartments:
    """All compartments, including the tenancy, in the order of their creation."""

    def __init__(self, names: Names) -> None:
        self._names = names
        root = Compartment(id=names.ocid("tenancy"), name=TENANCY, parent=TENANCY)
        self._by_name = {TENANCY: root}
        self.add(DEFAULT, parent=TENANCY)

    def add(self, name: str, *, parent: str) -> None:
        """Add a compartment below another.

        Raises:
            ValueError: a compartment has that name already.
            KeyError: no compartment has the parent's name.
        """
        if name in self._by_name:
            raise ValueError(f"there is a compartment {name!r} already")
        above = self.named(parent).name
        ocid = self._names.ocid("compartment")
        self._by_name[name] = Compartment(id=ocid, name=name, parent=above)

    def all(self) -> list[Compartment]:
        """Return all compartments."""
        return list(self._by_name.values())

    def named(self, name: str) -> Compartment:
        """Return the compartment with a name.

        Raises:
            KeyError: no compartment has it.
        """
        if name not in self._by_name:
            raise KeyError(f"no compartment named {name!r}")
        return self._by_name[name]

    def get(self, ocid: str) -> Compartment:
        """Return the compartment with an OCID.

        Raises:
            ServiceError: 404, no compartment has it.
        """
        for compartment in self._by_name.values():
            if compartment.id == ocid:
                return compartment
        raise not_found()

    def below(self, parent: Compartment, *, subtree: bool) -> list[Compartment]:
        """Return a compartment's children, or all compartments below it."""
        found = [c for c in self.all() if c.parent == parent.name != c.name]
        if subtree:
            found += [d for c in found for d in self.below(c, subtree=True)]
        return found

    def covering(self, ocid: str) -> set[str]:
        """Return the names and OCIDs by which policy statements cover a compartment.

        They are its OCID, its path from the tenancy (``parent:child``), and the same
        of each compartment above it: children inherit statements.

        Raises:
            ServiceError: 404, no compartment has the OCID.
        """
        chain = [self.get(ocid)]
        while chain[0].name != TENANCY:
            chain.insert(0, self._by_name[chain[0].parent])
        names = [c.name for c in chain[1:]]
        paths = {":".join(names[: n + 1]) for n in range(len(names))}
        return paths | {c.id for c in chain}

    def restore(self, kept: Iterable[Compartment]) -> None:
        """Give compartments the OCIDs that they had; add those that are missing."""
        for compartment in kept:
            known = self._by_name.get(compartment.name, compartment)
            self._by_name[compartment.name] = replace(known, id=compartment.id)
