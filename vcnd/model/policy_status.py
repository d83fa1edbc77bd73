"""The state of vcnd-policy at one moment, as ``VCND_POLICY_STATUS`` answers it.

The names in JSON are an interface: fields are added, and none is renamed or removed.
"""

import msgspec


class AwaitedStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of objects that the API server has not listed yet."""

    kind: str
    """The path of the kind's list."""
    reason: str
    """Empty while the first list is on its way."""


class FlawedStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A policy whose object is wrong in parts; it allows nothing there."""

    policy: str
    flaws: tuple[str, ...]


class FollowedStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the cluster."""

    synced: bool
    """Whether all that rules need is known; before that no rule changes."""
    awaited: tuple[AwaitedStatus, ...]
    namespaces: int
    pods: int
    """Pods with an address."""
    policies: int
    """NetworkPolicies."""
    cluster_policies: int
    """ClusterNetworkPolicies."""
    flawed: tuple[FlawedStatus, ...]


class RulesStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What is in force on the node."""

    in_force_seconds: float | None
    """How long rules of this process are in force; None: those before it still are."""
    links: int
    """Pods' links here."""
    held: int
    """Links whose pods are not known yet: closed, or open, as ``enforcement`` says."""
    chains: int
    sets: int
    elements: int
    changes: int
    """How often the rules changed since the process started."""
    last_change_seconds: float
    """How long the last change took, from the look at the cluster to the kernel."""
    refused: str
    """Why the kernel refused the last change; empty if it did not."""


class PolicyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The whole state."""

    enforcement: str
    cluster: FollowedStatus
    rules: RulesStatus


class PolicyAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What vcnd-policy says of itself, beside the daemon's state."""

    status: PolicyStatus | None = None
    """Null: it was not asked, or did not answer."""
    reason: str = ""
    """Why it did not answer."""

    @property
    def is_wrong(self) -> bool:
        """Return True if policies are not in force as they should be."""
        if self.status is None:
            return bool(self.reason)
        cluster, rules = self.status.cluster, self.status.rules
        return bool(cluster.awaited or cluster.flawed or rules.refused or rules.held)
