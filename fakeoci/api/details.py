"""Request bodies: OCI's fields, and no others (unknown ones are refused with 400).

Here are those of VNICs and addresses; ``network_details`` and ``instance_details``
have the others.  Fields that the fake does not act upon are accepted as the SDK
sends them.
"""

from typing import Any, Literal, TypeVar

import msgspec

from fakeoci.api.nulls import without_nulls
from fakeoci.world.errors import ServiceError
from fakeoci.world.labels import (
    MOST_DEFINED_TAGS,
    DefinedTags,
    DisplayName,
    FreeformTags,
    Hostname,
)

T = TypeVar("T", bound=msgspec.Struct)
Lifetime = Literal["EPHEMERAL", "RESERVED"]
SecurityAttributes = dict[str, dict[str, Any]]


class Details(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A request body."""


class Named(Details, kw_only=True):
    """What most bodies have; None leaves as is what is changed."""

    display_name: DisplayName | None = None
    freeform_tags: FreeformTags | None = None
    defined_tags: DefinedTags | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for more defined tags than a resource has."""
        if sum(map(len, (self.defined_tags or {}).values())) > MOST_DEFINED_TAGS:
            raise ValueError(f"definedTags: at most {MOST_DEFINED_TAGS} tags")


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


class NewPrivateIp(Named, kw_only=True):
    """What CreatePrivateIpDetails and BulkCreatePrivateIpItem have in common."""

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
    """What UpdatePrivateIpDetails and BulkUpdatePrivateIpItem have in common."""

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
    """What CreateIpv6Details and BulkCreateIpv6sItem have in common."""

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
    """What UpdateIpv6Details and BulkUpdateIpv6sItem have in common."""

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


class FederationDetails(Details, kw_only=True):
    """POST /v1/x509."""

    certificate: str
    public_key: str
    intermediate_certificates: list[str] = []
    purpose: str | None = None
    fingerprint_algorithm: str | None = None


class WorkloadDetails(Details, kw_only=True):
    """POST /resourcePrincipalSessionTokens."""

    pod_key: str


def decode(data: bytes, kind: type[T]) -> T:
    """Return a request body; a field that is null counts as absent.

    Raises:
        ServiceError: 400 in OCI's words.
    """
    try:
        if b"null" not in data:
            return msgspec.json.decode(data, type=kind)
        return msgspec.convert(without_nulls(msgspec.json.decode(data), kind), kind)
    except msgspec.ValidationError as error:
        text = str(error)
        code = "MissingParameter" if "missing required" in text else "InvalidParameter"
        raise ServiceError(400, code, text) from error
    except msgspec.DecodeError as error:
        raise ServiceError(
            400, "CannotParseRequest", f"Incorrectly formatted request: {error}"
        ) from error
