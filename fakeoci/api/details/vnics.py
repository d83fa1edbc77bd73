"""Request bodies of VNICs and their attachments."""

from fakeoci.api.details.base import Details, Named, SecurityAttributes
from fakeoci.world.labels import (
    DisplayName,
    Hostname,
)


class Ipv6AddressIpv6SubnetCidrPairDetails(Details, kw_only=True):
    """Ipv6AddressIpv6SubnetCidrPairDetails."""

    ipv6_subnet_cidr: str | None = None
    ipv6_address: str | None = None
    ipv6_id: str | None = None


class CreateVnicDetails(Named, kw_only=True):
    """CreateVnicDetails."""

    subnet_id: str | None = None
    vlan_id: str | None = None
    assign_public_ip: bool | None = None
    assign_private_dns_record: bool | None = None
    assign_ipv6_ip: bool | None = None
    ipv6_address_ipv6_subnet_cidr_pair_details: list[
        Ipv6AddressIpv6SubnetCidrPairDetails
    ] = []
    private_ip: str | None = None
    private_ip_id: str | None = None
    subnet_cidr: str | None = None
    nsg_ids: list[str] = []
    skip_source_dest_check: bool | None = None
    hostname_label: Hostname | None = None
    security_attributes: SecurityAttributes | None = None


class AttachVnicDetails(Details, kw_only=True):
    """AttachVnicDetails."""

    create_vnic_details: CreateVnicDetails
    instance_id: str
    display_name: DisplayName | None = None
    nic_index: int = 0


class UpdateVnicDetails(Named, kw_only=True):
    """UpdateVnicDetails."""

    hostname_label: Hostname | None = None
    nsg_ids: list[str] | None = None
    skip_source_dest_check: bool | None = None
    route_table_id: str | None = None
    security_attributes: SecurityAttributes | None = None
