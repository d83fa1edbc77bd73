"""What every event of a schedule has."""

import msgspec


class Timed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An event."""

    at: float
    """Virtual seconds since the start."""


class OnNode(Timed, frozen=True):
    """An event that concerns one node."""

    node: int
