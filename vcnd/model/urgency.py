"""How much somebody waits for a call to the cloud: the most urgent goes first."""

from enum import IntEnum


class Urgency(IntEnum):
    """What a call is for; a smaller number goes first."""

    WAITING = 0
    """A pod's ADD waits for it."""
    DEMAND = 1
    """A pod is bound here that will want an address."""
    WARM_UP = 2
    """The pool is filled ahead of need."""
    RELEASE = 3
    """What is over is given back."""
    AUDIT = 4
    """Books and cloud are compared."""
