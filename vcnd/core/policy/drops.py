"""Where the rules drop a packet, and why."""

from enum import StrEnum

import msgspec

from vcnd.model.policy import Direction


class Why(StrEnum):
    """Why a packet is dropped; a value of a metric's label."""

    RULE = "rule"
    """A rule of a ClusterNetworkPolicy denies it."""
    ISOLATED = "isolated"
    """Policies of the tier of namespaces isolate the pod, and no rule allows it."""
    HELD = "held"
    """The link is one of vcnd's, but its pod or the pod's namespace is not known."""
    UNKNOWN = "unknown"
    """The link, or the address, is in no map: the pod is too new."""


class Drop(msgspec.Struct, frozen=True, kw_only=True):
    """One of the places where packets are dropped."""

    direction: Direction
    why: Why
    chain: str = ""
    """Of ``RULE`` and ``ISOLATED``."""
    of: tuple[int, int] | None = None
    """Of ``RULE``: as in ``rule_set.Line``; None: the line does not say."""


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What a counter counts."""

    direction: Direction
    why: Why | None
    """None: new connections that the chain accepts."""
    chain: str = ""
    """Empty: packets that no chain of a pod judges."""
    namespace: str = ""
    """That of all of the chain's pods; empty if they may be of several."""
