"""Request bodies of VCNs, subnets, security rules, routes and gateways."""

from typing import Annotated, Literal

import msgspec

from fakeoci.api.details import Details, Named, SecurityAttributes
from fakeoci.world.labels import Description, DnsLabel

PeerType = Literal["CIDR_BLOCK", "SERVICE_CIDR_BLOCK", "NETWORK_SECURITY_GROUP"]
DomainNameType = Literal["SUBNET_DOMAIN", "VCN_DOMAIN", "CUSTOM_DOMAIN"]
Byte = Annotated[int, msgspec.Meta(ge=0, le=255)]


class Created(Named, kw_only=True):
    """What bodies that make something in a compartment have."""

    compartment_id: str


class Byoipv6CidrDetails(Details, kw_only=True):
    """Byoipv6CidrDetails: accepted in form, refused as not of this fake."""

    byoipv6_range_id: str
    ipv6_cidr_block: str


class CreateVcnDetails(Created, kw_only=True):
    """CreateVcnDetails."""

    cidr_block: str | None = None
    cidr_blocks: list[str] | None = None
    dns_label: DnsLabel | None = None
    is_ipv6_enabled: bool | None = None
    is_oracle_gua_allocation_enabled: bool | None = None
    ipv6_private_cidr_blocks: list[str] = msgspec.field(default_factory=list)
    byoipv6_cidr_details: list[Byoipv6CidrDetails] = msgspec.field(default_factory=list)
    security_attributes: SecurityAttributes | None = None
    is_zpr_only: bool | None = None


class UpdateVcnDetails(Named, kw_only=True):
    """UpdateVcnDetails."""

    security_attributes: SecurityAttributes | None = None
    is_zpr_only: bool | None = None


class CidrDetails(Details, kw_only=True):
    """AddVcnCidrDetails and RemoveVcnCidrDetails."""

    cidr_block: str


class ModifyVcnCidrDetails(Details, kw_only=True):
    """ModifyVcnCidrDetails."""

    original_cidr_block: str
    new_cidr_block: str


class AddVcnIpv6CidrDetails(Details, kw_only=True):
    """AddVcnIpv6CidrDetails."""

    ipv6_private_cidr_block: str | None = None
    is_oracle_gua_allocation_enabled: bool | None = None
    byoipv6_cidr_detail: Byoipv6CidrDetails | None = None


class Ipv4CidrDetails(Details, kw_only=True):
    """AddIpv4SubnetCidrDetails and RemoveIpv4SubnetCidrDetails."""

    ipv4_cidr_block: str


class ModifyIpv4SubnetCidrDetails(Details, kw_only=True):
    """ModifyIpv4SubnetCidrDetails."""

    ipv4_cidr_block: str
    updated_ipv4_cidr_block: str


class Ipv6CidrDetails(Details, kw_only=True):
    """AddSubnetIpv6CidrDetails and those that take prefixes away."""

    ipv6_cidr_block: str


class CreateSubnetDetails(Created, kw_only=True):
    """CreateSubnetDetails."""

    vcn_id: str
    availability_domain: str | None = None
    cidr_block: str | None = None
    ipv4_cidr_blocks: list[str] | None = None
    ipv6_cidr_block: str | None = None
    ipv6_cidr_blocks: list[str] | None = None
    dhcp_options_id: str | None = None
    dns_label: DnsLabel | None = None
    prohibit_internet_ingress: bool | None = None
    prohibit_public_ip_on_vnic: bool | None = None
    route_table_id: str | None = None
    security_list_ids: list[str] | None = None


class UpdateSubnetDetails(Named, kw_only=True):
    """UpdateSubnetDetails."""

    cidr_block: str | None = None
    dhcp_options_id: str | None = None
    ipv6_cidr_block: str | None = None
    ipv6_cidr_blocks: list[str] | None = None
    route_table_id: str | None = None
    security_list_ids: list[str] | None = None


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


class RuleDetails(Details, kw_only=True):
    """What all rules have."""

    protocol: str
    is_stateless: bool = False
    tcp_options: PortOptions | None = None
    udp_options: PortOptions | None = None
    icmp_options: IcmpOptions | None = None
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


class RouteRule(Details, kw_only=True):
    """RouteRule."""

    network_entity_id: str
    destination: str | None = None
    destination_type: Literal["CIDR_BLOCK", "SERVICE_CIDR_BLOCK"] | None = None
    cidr_block: str | None = None
    description: Description | None = None
    route_type: Literal["STATIC", "LOCAL"] | None = None


class CreateRouteTableDetails(Created, kw_only=True):
    """CreateRouteTableDetails."""

    vcn_id: str
    route_rules: list[RouteRule]


class UpdateRouteTableDetails(Named, kw_only=True):
    """UpdateRouteTableDetails."""

    route_rules: list[RouteRule] | None = None


class CreatedGateway(Created, kw_only=True):
    """What all gateways of a VCN are created with."""

    vcn_id: str
    route_table_id: str | None = None


class CreateInternetGatewayDetails(CreatedGateway, kw_only=True):
    """CreateInternetGatewayDetails."""

    is_enabled: bool


class CreateNatGatewayDetails(CreatedGateway, kw_only=True):
    """CreateNatGatewayDetails."""

    block_traffic: bool | None = None
    public_ip_id: str | None = None


class CreateLocalPeeringGatewayDetails(CreatedGateway, kw_only=True):
    """CreateLocalPeeringGatewayDetails."""

    security_attributes: SecurityAttributes | None = None


class ConnectLocalPeeringGatewaysDetails(Details, kw_only=True):
    """ConnectLocalPeeringGatewaysDetails."""

    peer_id: str


class ServiceIdRequestDetails(Details, kw_only=True):
    """ServiceIdRequestDetails."""

    service_id: str


class CreateServiceGatewayDetails(CreatedGateway, kw_only=True):
    """CreateServiceGatewayDetails."""

    services: list[ServiceIdRequestDetails]


class UpdateServiceGatewayDetails(Named, kw_only=True):
    """UpdateServiceGatewayDetails."""

    block_traffic: bool | None = None
    services: list[ServiceIdRequestDetails] | None = None
    route_table_id: str | None = None


class AnyDhcpOption(Details, kw_only=True):
    """DhcpDnsOption and DhcpSearchDomainOption."""

    type: Literal["DomainNameServer", "SearchDomain"]
    server_type: (
        Literal["VcnLocal", "VcnLocalPlusInternet", "CustomDnsServer"] | None
    ) = None
    custom_dns_servers: list[str] | None = None
    search_domain_names: list[str] | None = None


class CreateDhcpDetails(Created, kw_only=True):
    """CreateDhcpDetails."""

    vcn_id: str
    options: list[AnyDhcpOption]
    domain_name_type: DomainNameType | None = None


class UpdateDhcpDetails(Named, kw_only=True):
    """UpdateDhcpDetails."""

    options: list[AnyDhcpOption] | None = None
    domain_name_type: DomainNameType | None = None
