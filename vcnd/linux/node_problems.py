"""What is wrong with the node's own firewall and settings."""

from collections.abc import Mapping

from vcnd.model.cause import Fault
from vcnd.model.place import Place, PlaceKind
from vcnd.signals import Pulse


class NodeProblems:
    """One fault for each place; whoever follows them is woken by a change."""

    def __init__(self) -> None:
        self._faults: dict[Place, Fault] = {}
        self._changed = Pulse()

    def now(self) -> dict[Place, Fault]:
        """Return why each place is a problem."""
        return dict(self._faults)

    def report(self, kind: PlaceKind, faults: Mapping[str, Fault]) -> None:
        """Replace the problems of one kind: name → fault."""
        others = {p: f for p, f in self._faults.items() if p.kind is not kind}
        fresh = {Place(kind=kind, name=n): f for n, f in faults.items()}
        if others | fresh != self._faults:
            self._faults = others | fresh
            self._changed.send()

    async def until_changed(self) -> None:
        """Return at the next change."""
        await self._changed.wait()
