"""What ``vcndctl check`` found, as ``--json`` prints it.

The names in JSON are an interface: fields are added, and none is renamed or removed.
"""

from enum import StrEnum

import msgspec


class PathName(StrEnum):
    """A path that packets take."""

    NODE_TO_POD = "node_to_pod"
    SAME_NODE = "same_node"
    CROSS_NODE = "cross_node"
    LARGE_PACKETS = "large_packets"
    SERVICE = "service"
    DNS = "dns"
    API_SERVER = "api_server"
    TO_OWN_NODE = "to_own_node"
    TO_OTHER_NODE = "to_other_node"
    OUTSIDE = "outside"
    POLICY_ALLOWS = "policy_allows"
    POLICY_DENIES = "policy_denies"


class Verdict(StrEnum):
    """What became of a path."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


class PathResult(msgspec.Struct, frozen=True, kw_only=True):
    """One path."""

    path: PathName
    verdict: Verdict
    detail: str
    """What was seen, or why it was not tried."""


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """A whole check."""

    nodes: tuple[str, ...]
    """Where the probes ran: the walker on the first one."""
    namespace: str
    results: tuple[PathResult, ...]

    @property
    def failed(self) -> bool:
        """Return True if a path failed."""
        return any(r.verdict is Verdict.FAILED for r in self.results)
