"""A tenancy's compartments: a tree, of which the tenancy is the root."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fakeoci.world.errors import not_found
from fakeoci.world.ocid import Names

TENANCY, DEFAULT = "fakeoci", "network"
"""Names of the tenancy, and of the compartment that is always in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compartment:
    """A compartment.  Its name is its own in the whole tenancy."""

    id: str
    name: str
    parent: str
    """The parent's name; the tenancy is its own parent."""


class Compartments:
    """All compartments, the tenancy among them, in the order they were made."""

    def __init__(self, names: Names) -> None:
        self._names = names
        root = Compartment(id=names.ocid("tenancy"), name=TENANCY, parent=TENANCY)
        self._by_name = {TENANCY: root}
        self.add(DEFAULT, parent=TENANCY)

    def add(self, name: str, *, parent: str) -> None:
        """Enter a compartment below another.

        Raises:
            ValueError: there is one of that name.
            KeyError: there is no such parent.
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
        """Return the compartment of a name.

        Raises:
            KeyError: there is none.
        """
        if name not in self._by_name:
            raise KeyError(f"no compartment named {name!r}")
        return self._by_name[name]

    def get(self, ocid: str) -> Compartment:
        """Return the compartment of an OCID.

        Raises:
            ServiceError: 404, there is none.
        """
        for compartment in self._by_name.values():
            if compartment.id == ocid:
                return compartment
        raise not_found()

    def below(self, parent: Compartment, *, subtree: bool) -> list[Compartment]:
        """Return a compartment's children, or all that is below it."""
        found = [c for c in self.all() if c.parent == parent.name != c.name]
        if subtree:
            found += [d for c in found for d in self.below(c, subtree=True)]
        return found

    def covering(self, ocid: str) -> set[str]:
        """Return what a policy statement may name to cover a compartment.

        That is its OCID, its path from the tenancy (``parent:child``), or those of a
        compartment above it: children inherit statements.

        Raises:
            ServiceError: 404, there is no such compartment.
        """
        chain = [self.get(ocid)]
        while chain[0].name != TENANCY:
            chain.insert(0, self._by_name[chain[0].parent])
        names = [c.name for c in chain[1:]]
        paths = {":".join(names[: n + 1]) for n in range(len(names))}
        return paths | {c.id for c in chain}

    def restore(self, kept: Iterable[Compartment]) -> None:
        """Give compartments the OCIDs that they had; enter those that are missing."""
        for compartment in kept:
            known = self._by_name.get(compartment.name, compartment)
            self._by_name[compartment.name] = replace(known, id=compartment.id)
