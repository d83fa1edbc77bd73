"""What is wrong with the node's own firewall and settings."""

from collections.abc import Mapping

import trio

from vcnd.model.place import Place, PlaceKind


class NodeProblems:
    """One reason for each place; whoever follows them is woken by a change."""

    def __init__(self) -> None:
        self._reasons: dict[Place, str] = {}
        self._changed = trio.Event()

    def now(self) -> dict[Place, str]:
        """Return why each place is a problem."""
        return dict(self._reasons)

    def report(self, kind: PlaceKind, reasons: Mapping[str, str]) -> None:
        """Replace the problems of one kind: name → reason."""
        others = {p: r for p, r in self._reasons.items() if p.kind is not kind}
        fresh = {Place(kind=kind, name=n): r for n, r in reasons.items()}
        if others | fresh != self._reasons:
            self._reasons = others | fresh
            self._changed.set()
            self._changed = trio.Event()

    async def until_changed(self) -> None:
        """Return at the next change."""
        await self._changed.wait()
