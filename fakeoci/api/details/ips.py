"""Request bodies of private IPs and IPv6s, one by one and in bulk."""

from typing import Literal

import msgspec

from fakeoci.api.details.base import Details, Named
from fakeoci.world.labels import (
    Hostname,
)

Lifetime = Literal["EPHEMERAL", "RESERVED"]


class NewPrivateIp(Named, kw_only=True):
    """The fields that CreatePrivateIpDetails and BulkCreatePrivateIpItem share."""

    ip_address: str | None = None
    cidr_prefix_length: int | None = None
    ipv4_subnet_cidr_at_creation: str | None = None
    lifetime: Lifetime | None = None
    hostname_label: Hostname | None = None
    route_table_id: str | None = None


class BulkCreatePrivateIpItem(NewPrivateIp, kw_only=True):
    """BulkCreatePrivateIpItem."""


class CreatePrivateIpDetails(NewPrivateIp, kw_only=True):
    """CreatePrivateIpDetails."""

    vnic_id: str | None = None
    subnet_id: str | None = None
    vlan_id: str | None = None


class ChangedPrivateIp(Named, kw_only=True):
    """The fields that UpdatePrivateIpDetails and BulkUpdatePrivateIpItem share."""

    hostname_label: Hostname | None = None
    lifetime: Lifetime | None = None
    route_table_id: str | None = None


class UpdatePrivateIpDetails(ChangedPrivateIp, kw_only=True):
    """UpdatePrivateIpDetails."""

    vnic_id: str | None = None


class BulkUpdatePrivateIpItem(ChangedPrivateIp, kw_only=True):
    """BulkUpdatePrivateIpItem."""

    private_ip_id: str


class PrivateIpItem(Details, kw_only=True):
    """BulkDeletePrivateIpItem and BulkDetachPrivateIpItem."""

    private_ip_id: str


class BulkCreatePrivateIpsDetails(Details, kw_only=True):
    """BulkCreatePrivateIpsDetails."""

    bulk_create_private_ip_item: list[BulkCreatePrivateIpItem]
    vnic_id: str | None = None
    subnet_id: str | None = None
    vlan_id: str | None = None


class BulkDeletePrivateIpsDetails(Details, kw_only=True):
    """BulkDeletePrivateIpsDetails."""

    bulk_delete_private_ip_item: list[PrivateIpItem]
    vnic_id: str | None = None
    subnet_id: str | None = None
    vlan_id: str | None = None


class BulkDetachPrivateIpsDetails(Details, kw_only=True):
    """BulkDetachPrivateIpsDetails."""

    bulk_detach_private_ip_item: list[PrivateIpItem]
    vnic_id: str | None = None


class BulkUpdatePrivateIpsDetails(Details, kw_only=True):
    """BulkUpdatePrivateIpsDetails."""

    bulk_update_private_ip_item: list[BulkUpdatePrivateIpItem]
    vnic_id: str | None = None


class NewIpv6(Named, kw_only=True):
    """The fields that CreateIpv6Details and BulkCreateIpv6sItem share."""

    ip_address: str | None = None
    cidr_prefix_length: int | None = None
    ipv6_subnet_cidr: str | None = None
    lifetime: Lifetime | None = None
    hostname: Hostname | None = None
    route_table_id: str | None = None


class BulkCreateIpv6sItem(NewIpv6, kw_only=True):
    """BulkCreateIpv6sItem."""


class CreateIpv6Details(NewIpv6, kw_only=True):
    """CreateIpv6Details."""

    vnic_id: str | None = None
    subnet_id: str | None = None


class ChangedIpv6(Named, kw_only=True):
    """The fields that UpdateIpv6Details and BulkUpdateIpv6sItem share."""

    hostname: Hostname | None = None
    lifetime: Lifetime | None = None
    route_table_id: str | None = None


class UpdateIpv6Details(ChangedIpv6, kw_only=True):
    """UpdateIpv6Details."""

    vnic_id: str | None = None


class BulkUpdateIpv6sItem(ChangedIpv6, kw_only=True):
    """BulkUpdateIpv6sItem."""

    ipv6_id: str


class Ipv6Item(Details, kw_only=True):
    """BulkDeleteIpv6sItem and BulkDetachIpv6sItem."""

    ipv6_id: str


class BulkCreateIpv6sDetails(Details, kw_only=True):
    """BulkCreateIpv6sDetails."""

    bulk_create_ipv6s_item: list[BulkCreateIpv6sItem] = msgspec.field(
        name="bulkCreateIpv6sItem"
    )
    vnic_id: str | None = None
    subnet_id: str | None = None


class BulkDeleteIpv6sDetails(Details, kw_only=True):
    """BulkDeleteIpv6sDetails."""

    bulk_delete_ipv6s_item: list[Ipv6Item] = msgspec.field(name="bulkDeleteIpv6sItem")
    vnic_id: str | None = None
    subnet_id: str | None = None


class BulkDetachIpv6sDetails(Details, kw_only=True):
    """BulkDetachIpv6sDetails."""

    bulk_detach_ipv6s_item: list[Ipv6Item] = msgspec.field(name="bulkDetachIpv6sItem")
    vnic_id: str | None = None


class BulkUpdateIpv6sDetails(Details, kw_only=True):
    """BulkUpdateIpv6sDetails."""

    bulk_update_ipv6s_item: list[BulkUpdateIpv6sItem] = msgspec.field(
        name="bulkUpdateIpv6sItem"
    )
    vnic_id: str | None = None
