"""What vcndctl asks vcnd-policy about policies."""

from typing import Any

import msgspec

from vcnd.model.policy import Protocol

MOST_GROUPS = 50


class ShowQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What do policies say about a pod, and what is in force?"""

    pod: str
    """As ``namespace/name``; the name alone, if no other pod has it."""


class ExplainQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Is a connection allowed, and why?"""

    source: str
    """A pod, as in ``ShowQuestion``, or an address."""
    destination: str
    protocol: Protocol | None
    """None: one without ports."""
    port: int


class DryRunQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Which connections would some policies deny?"""

    objects: list[Any]
    """NetworkPolicies and ClusterNetworkPolicies, as the API has them."""
    most: int = MOST_GROUPS
    """So many groups of connections are told at most."""
