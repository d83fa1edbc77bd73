"""Security rules and routes of a VCN, and what they do with a new connection.

Sources: https://docs.oracle.com/en-us/iaas/Content/Network/Concepts/securityrules.htm
and https://docs.oracle.com/en-us/iaas/Content/Network/Tasks/managingroutetables.htm.
The names in JSON are an interface: fields are added, and none is renamed or removed.
"""

from enum import StrEnum

import msgspec


class Transport(StrEnum):
    """What a connection uses above IP."""

    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"
    ICMP = "icmp"
    """Of IPv6 it is ICMPv6."""


class Direction(StrEnum):
    """The direction of packets that a rule is about, seen from the VNIC."""

    INGRESS = "INGRESS"
    EGRESS = "EGRESS"


class PeerKind(StrEnum):
    """What a rule's other end is."""

    CIDR = "CIDR_BLOCK"
    NSG = "NETWORK_SECURITY_GROUP"
    SERVICE = "SERVICE_CIDR_BLOCK"
    """Addresses of Oracle's services, which no API lists."""


class PortSpan(msgspec.Struct, frozen=True):
    """A range of ports, both ends included."""

    first: int
    last: int


class SecurityRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of a security list or an NSG; it allows."""

    holder: str
    """Who has it: ``NSG <OCID>`` or ``security list <OCID>``."""
    direction: Direction
    protocol: str = "all"
    """``all``, or IANA's number."""
    peer: str
    """A CIDR, an NSG's OCID, or a service's label."""
    peer_kind: PeerKind = PeerKind.CIDR
    ports: PortSpan | None = None
    """Destination ports; None: all."""
    source_ports: PortSpan | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None
    stateless: bool = False
    description: str = ""


class RouteRule(msgspec.Struct, frozen=True, kw_only=True):
    """A route of a route table."""

    destination: str
    """A CIDR, or a service's label."""
    target: str
    """The OCID of a gateway or private IP."""
    is_service: bool = False


class RouteTable(msgspec.Struct, frozen=True, kw_only=True):
    """A route table."""

    id: str
    rules: tuple[RouteRule, ...]


class End(msgspec.Struct, frozen=True, kw_only=True):
    """An end of a connection that is a VNIC of the VCN."""

    vnic_id: str
    nsg_ids: tuple[str, ...]
    rules: tuple[SecurityRule, ...]
    """Those of its subnet's security lists, and of its NSGs."""
    is_whole: bool = True
    """False: some could not be read."""


class VcnView(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a VCN that decide about one connection."""

    cidrs: tuple[str, ...] = ()
    """The VCN's; none: they could not be read."""
    sender: End | None = None
    """None: it could not be read."""
    receiver: End | None = None
    """None: it is no VNIC of the VCN, or could not be read."""
    receiver_is_known: bool = True
    """False: whether a VNIC of the VCN has the destination could not be read."""
    table: RouteTable | None = None
    """The route table of the sender's packets; None: it could not be read."""
    has_internet: bool = False
    """True if an internet gateway carries the sender's packets."""
    unread: tuple[str, ...] = ()
    """What could not be read, and why."""


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A new connection, by its first packet."""

    source: str
    destination: str
    transport: Transport | None = None
    """None: it is not told."""
    port: int | None = None
    """The destination's; None: it is not told, or there is none."""


class Stage(StrEnum):
    """Where a VCN decides about a connection, in the order of its packets."""

    EGRESS = "egress"
    """Rules of the sender's VNIC."""
    ROUTE = "route"
    INGRESS = "ingress"
    """Rules of the receiver's VNIC."""
    ANSWER_EGRESS = "answer_egress"
    """The answer leaves the receiver, whose rule was stateless."""
    ANSWER_INGRESS = "answer_ingress"
    """The answer comes to the sender, whose rule was stateless."""


class Ruling(StrEnum):
    """What is decided."""

    ALLOWED = "allowed"
    DENIED = "denied"
    UNKNOWN = "unknown"
    """It depends on what is not told, or could not be read."""


class VcnStep(msgspec.Struct, frozen=True, kw_only=True):
    """One decision of the VCN."""

    stage: Stage
    ruling: Ruling
    at: str
    """The OCID of the VNIC or route table."""
    why: str
    """The rule that decides, or what is missing."""
