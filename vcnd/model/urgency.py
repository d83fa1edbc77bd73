"""The urgency of a call to the cloud: the most urgent goes first."""

from enum import IntEnum


class Urgency(IntEnum):
    """The purpose of a call; a smaller number goes first."""

    WAITING = 0
    """A pod's ADD waits for it."""
    DEMAND = 1
    """A pod that is bound here will need an address."""
    WARM_UP = 2
    """The pool is filled ahead of need."""
    RELEASE = 3
    """A surplus is released."""
    AUDIT = 4
    """The ledger is compared with the cloud."""
