"""Request bodies of VCNs and subnets."""

import msgspec

from fakeoci.api.details.base import Created, Details, Named, SecurityAttributes
from fakeoci.world.labels import DnsLabel


class Byoipv6CidrDetails(Details, kw_only=True):
    """Byoipv6CidrDetails: parsed, then refused: the fake has no BYOIPv6 ranges."""

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
    """AddSubnetIpv6CidrDetails and the bodies that remove prefixes."""

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
