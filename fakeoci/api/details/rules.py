"""Request bodies of security lists, network security groups and their rules."""

from typing import Annotated, Literal

import msgspec

from fakeoci.api.details.base import Created, Details, Named
from fakeoci.world.labels import Description

PeerType = Literal["CIDR_BLOCK", "SERVICE_CIDR_BLOCK", "NETWORK_SECURITY_GROUP"]
Byte = Annotated[int, msgspec.Meta(ge=0, le=255)]


class PortRangeDetails(Details, kw_only=True):
    """PortRange."""

    min: int
    max: int


class PortOptions(Details, kw_only=True):
    """TcpOptions and UdpOptions."""

    destination_port_range: PortRangeDetails | None = None
    source_port_range: PortRangeDetails | None = None


class IcmpOptions(Details, kw_only=True):
    """IcmpOptions."""

    type: Byte
    code: Byte | None = None


class TrafficDetails(Details, kw_only=True):
    """The options of a rule's protocol."""

    tcp_options: PortOptions | None = None
    udp_options: PortOptions | None = None
    icmp_options: IcmpOptions | None = None


class RuleDetails(TrafficDetails, kw_only=True):
    """The fields of all security rules."""

    protocol: str
    is_stateless: bool = False
    description: Description | None = None


class EgressSecurityRule(RuleDetails, kw_only=True):
    """EgressSecurityRule."""

    destination: str
    destination_type: PeerType | None = None


class IngressSecurityRule(RuleDetails, kw_only=True):
    """IngressSecurityRule."""

    source: str
    source_type: PeerType | None = None


class AddSecurityRuleDetails(RuleDetails, kw_only=True):
    """AddSecurityRuleDetails."""

    direction: Literal["INGRESS", "EGRESS"]
    source: str | None = None
    source_type: PeerType | None = None
    destination: str | None = None
    destination_type: PeerType | None = None


class UpdateSecurityRuleDetails(AddSecurityRuleDetails, kw_only=True):
    """UpdateSecurityRuleDetails."""

    id: str


class AddSecurityRulesDetails(Details, kw_only=True):
    """AddNetworkSecurityGroupSecurityRulesDetails."""

    security_rules: list[AddSecurityRuleDetails] = msgspec.field(default_factory=list)


class UpdateSecurityRulesDetails(Details, kw_only=True):
    """UpdateNetworkSecurityGroupSecurityRulesDetails."""

    security_rules: list[UpdateSecurityRuleDetails] = msgspec.field(
        default_factory=list
    )


class RemoveSecurityRulesDetails(Details, kw_only=True):
    """RemoveNetworkSecurityGroupSecurityRulesDetails."""

    security_rule_ids: list[str] = msgspec.field(default_factory=list)


class CreateNetworkSecurityGroupDetails(Created, kw_only=True):
    """CreateNetworkSecurityGroupDetails."""

    vcn_id: str


class CreateSecurityListDetails(Created, kw_only=True):
    """CreateSecurityListDetails."""

    vcn_id: str
    egress_security_rules: list[EgressSecurityRule]
    ingress_security_rules: list[IngressSecurityRule]


class UpdateSecurityListDetails(Named, kw_only=True):
    """UpdateSecurityListDetails."""

    egress_security_rules: list[EgressSecurityRule] | None = None
    ingress_security_rules: list[IngressSecurityRule] | None = None
