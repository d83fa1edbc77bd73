"""Pods' packets and connections, as ``vcndctl top`` and ``vcndctl flows`` show them.

The names in JSON are an interface: fields are added, and none is renamed or removed.
docs/operations.md describes them.
"""

import msgspec


class LinkCounters(msgspec.Struct, frozen=True, kw_only=True):
    """What a link has counted since it was made."""

    received_packets: int
    sent_packets: int
    received_bytes: int
    sent_bytes: int


class PodCounters(msgspec.Struct, frozen=True, kw_only=True):
    """What a pod has sent and received, by its link."""

    pod: str
    addresses: tuple[str, ...]
    link: str
    counters: LinkCounters
    """From the pod's point of view."""


class TrafficAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The counters of all pods at one moment."""

    at: float
    """Seconds of the daemon's clock; only differences mean something."""
    pods: tuple[PodCounters, ...]
    express: bool
    """True if the express lane is on: what pods receive by it is not counted."""


class FlowsShown(msgspec.Struct, frozen=True, kw_only=True):
    """Connections that differ in nothing but the source's port."""

    source: str
    destination: str
    """After translation: of a Service, the pod behind it."""
    source_pod: str = ""
    """Empty: none of this node."""
    destination_pod: str = ""
    protocol: int
    """Its number (IANA)."""
    port: int
    """The destination's; 0 where the protocol has none."""
    connections: int


class FlowsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The connections that the kernel tracks of the pods of this node."""

    flows: tuple[FlowsShown, ...]
    """Those with the most connections come first."""
    left_out: bool
    """True if there are more than are listed."""
    express_flows: int
    """Directions of connections in the express lane, of all pods."""
