"""Which states an address can be in, and which moves lead from one to another.

``Ledger`` asks ``MOVES`` before each move; docs/architecture.md draws it.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class State(StrEnum):
    """The state of an address of this node."""

    UNKNOWN = "unknown"
    """OCI does not give it to us, as far as we know."""
    ADDING = "adding"
    """OCI gives it to us; the record is not durable yet, so no pod gets it."""
    FREE = "free"
    LEASED = "leased"
    LOST = "lost"
    """A pod has it, but OCI no longer gives it to us."""
    COOLING = "cooling"
    """No pod gets it until its cooldown ends."""
    DELETING = "deleting"
    """OCI is asked, or was asked, to delete it."""
    DOUBTED = "doubted"
    """OCI's list lacks it; no second witness has confirmed that it is gone."""


class Move(StrEnum):
    """What can happen to an address."""

    ADD = "add"
    START_ADDING = "start adding"
    KEEP = "keep"
    DOUBT = "doubt"
    MARK_DELETING = "mark deleting"
    FORGET = "forget"
    LEASE = "lease"
    RESTORE = "restore"
    REVERT = "revert"
    END_LEASE = "end lease"
    START_COOLDOWN = "start cooldown"
    RESTORE_COOLDOWN = "restore cooldown"
    END_COOLDOWN = "end cooldown"


def _to(*states: State) -> frozenset[State]:
    return frozenset(states)


_REST = _to(State.FREE, State.COOLING)

MOVES: Mapping[Move, Mapping[State, frozenset[State]]] = {
    Move.ADD: {State.UNKNOWN: _to(State.FREE), State.LOST: _to(State.LEASED)},
    Move.START_ADDING: {
        State.UNKNOWN: _to(State.ADDING),
        State.LOST: _to(State.LEASED),
    },
    Move.KEEP: {
        State.ADDING: _REST,
        State.DELETING: _REST,
        State.DOUBTED: _REST,
        State.LEASED: _to(State.LEASED),
    },
    Move.DOUBT: {
        State.FREE: _to(State.DOUBTED),
        State.COOLING: _to(State.DOUBTED),
        State.LEASED: _to(State.LEASED),
        State.ADDING: _to(State.ADDING),
        State.DELETING: _to(State.DELETING),
        State.DOUBTED: _to(State.DOUBTED),
    },
    Move.MARK_DELETING: {
        State.FREE: _to(State.DELETING),
        State.COOLING: _to(State.DELETING),
    },
    Move.FORGET: {
        State.FREE: _to(State.UNKNOWN),
        State.COOLING: _to(State.UNKNOWN),
        State.ADDING: _to(State.UNKNOWN),
        State.DELETING: _to(State.UNKNOWN),
        State.DOUBTED: _to(State.UNKNOWN),
        State.LEASED: _to(State.LOST),
    },
    Move.LEASE: {State.FREE: _to(State.LEASED)},
    Move.RESTORE: {
        State.UNKNOWN: _to(State.LOST),
        State.FREE: _to(State.LEASED),
        State.COOLING: _to(State.LEASED),
        State.ADDING: _to(State.LEASED),
        State.DOUBTED: _to(State.LEASED),
    },
    Move.REVERT: {
        State.LEASED: _to(State.FREE, State.DOUBTED),
        State.LOST: _to(State.UNKNOWN),
    },
    Move.END_LEASE: {
        State.LEASED: _to(State.COOLING, State.ADDING, State.DOUBTED),
        State.LOST: _to(State.UNKNOWN),
    },
    Move.START_COOLDOWN: {
        State.COOLING: _REST,
        State.ADDING: _to(State.ADDING),
        State.DELETING: _to(State.DELETING),
        State.DOUBTED: _to(State.DOUBTED),
    },
    Move.RESTORE_COOLDOWN: {
        State.FREE: _to(State.COOLING),
        State.COOLING: _to(State.COOLING),
    },
    Move.END_COOLDOWN: {
        State.COOLING: _to(State.FREE),
        State.ADDING: _to(State.ADDING),
        State.DELETING: _to(State.DELETING),
        State.DOUBTED: _to(State.DOUBTED),
    },
}
"""Each move: from which states it is legal, and to which it can lead."""


def diagram() -> str:
    """Return ``MOVES`` as a Mermaid state diagram; what changes nothing is left out."""
    edges: dict[tuple[State, State], list[Move]] = {}
    for move, ways in MOVES.items():
        for before, afters in ways.items():
            for after in sorted(afters - {before}):
                edges.setdefault((before, after), []).append(move)
    lines = [f"    {a} --> {b}: {', '.join(m)}" for (a, b), m in sorted(edges.items())]
    return "\n".join(["stateDiagram-v2", *lines])


class IllegalMoveError(Exception):
    """The ledger was asked for a move that its rules do not allow."""


class Counts(msgspec.Struct, frozen=True):
    """How many addresses are in each state; those being added count as doubted."""

    free: int
    leased: int
    cooling: int
    deleting: int
    doubted: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Return the counts of both."""
        return Counts(
            self.free + other.free,
            self.leased + other.leased,
            self.cooling + other.cooling,
            self.deleting + other.deleting,
            self.doubted + other.doubted,
        )

    @property
    def total(self) -> int:
        """Return the number of addresses that OCI gives us, in any state."""
        held = self.free + self.leased + self.cooling
        return held + self.deleting + self.doubted
