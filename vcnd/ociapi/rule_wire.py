"""OCI's JSON of security rules and route tables, only the fields that we read.

Source: https://docs.oracle.com/en-us/iaas/api/#/en/iaas/20160918/SecurityRule/,
SecurityList and RouteTable of the same reference.
"""

from ipaddress import ip_network
from typing import Annotated

import msgspec

from vcnd.model.vcn_rules import Direction, PeerKind, PortSpan
from vcnd.ociapi.values import Ocid

PortNumber = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class _Read(msgspec.Struct, rename="camel", kw_only=True):
    """Replies: unknown fields are ignored."""


class Ports(_Read):
    """A range of ports."""

    min: PortNumber
    max: PortNumber

    @property
    def span(self) -> PortSpan:
        """Return it as the rules have it."""
        return PortSpan(self.min, self.max)


class PortOptions(_Read):
    """The ports of a rule; null: all."""

    destination_port_range: Ports | None = None
    source_port_range: Ports | None = None


class IcmpOptions(_Read):
    """The ICMP messages of a rule."""

    type: int
    code: int | None = None


class Rule(_Read):
    """A rule of an NSG; those of security lists lack the direction."""

    protocol: str
    direction: Direction | None = None
    is_stateless: bool | None = None
    is_valid: bool | None = None
    """False: the NSG that it names is gone."""
    description: str | None = None
    source: str | None = None
    source_type: PeerKind | None = None
    destination: str | None = None
    destination_type: PeerKind | None = None
    tcp_options: PortOptions | None = None
    udp_options: PortOptions | None = None
    icmp_options: IcmpOptions | None = None

    def __post_init__(self) -> None:
        """Raise unless it names one other end, and a CIDR is a network."""
        ends = [x for x in (self.source, self.destination) if x is not None]
        if len(ends) != 1:
            raise ValueError("a rule has either a source or a destination")
        if self.peer_kind is PeerKind.CIDR:
            ip_network(self.peer)

    @property
    def peer(self) -> str:
        """Return the other end."""
        return self.source or self.destination or ""

    @property
    def peer_kind(self) -> PeerKind:
        """Return what the other end is."""
        told = self.destination_type if self.source is None else self.source_type
        return told or PeerKind.CIDR

    @property
    def options(self) -> PortOptions:
        """Return the ports."""
        return self.tcp_options or self.udp_options or PortOptions()


class SecurityList(_Read):
    """A security list."""

    id: Ocid
    ingress_security_rules: list[Rule]
    egress_security_rules: list[Rule]


class Route(_Read):
    """A route."""

    destination: str
    network_entity_id: Ocid
    destination_type: PeerKind | None = None

    def __post_init__(self) -> None:
        """Raise unless a CIDR is a network."""
        if not self.is_service:
            ip_network(self.destination)

    @property
    def is_service(self) -> bool:
        """Return True if its destination is the label of Oracle's services."""
        return self.destination_type is PeerKind.SERVICE


class RouteTable(_Read):
    """A route table."""

    id: Ocid
    route_rules: list[Route]
