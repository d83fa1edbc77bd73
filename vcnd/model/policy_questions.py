"""What vcndctl asks vcnd-policy about policies."""

from typing import Annotated, Any

import msgspec

from vcnd.model.policy import FIRST_PORT, LAST_PORT, Protocol

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
    port: Annotated[int, msgspec.Meta(ge=FIRST_PORT, le=LAST_PORT)]


class DryRunQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Which connections would some policies deny?"""

    objects: list[Any]
    """NetworkPolicies and ClusterNetworkPolicies, as the API has them."""
    most: Annotated[int, msgspec.Meta(ge=1, le=1000)] = MOST_GROUPS
    """So many groups of connections are told at most."""
