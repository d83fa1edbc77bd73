"""Request bodies: OCI's fields, and no others (unknown ones are refused with 400)."""

from typing import TypeVar

import msgspec

from fakeoci.world.errors import ServiceError

T = TypeVar("T", bound=msgspec.Struct)


class _Details(
    msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True
):
    """A request body."""


class CreateVnicDetails(_Details):
    """CreateVnicDetails."""

    subnet_id: str
    assign_public_ip: bool | None = None
    assign_ipv6_ip: bool | None = None
    private_ip: str | None = None
    subnet_cidr: str | None = None
    nsg_ids: list[str] = []
    skip_source_dest_check: bool | None = None
    hostname_label: str | None = None
    display_name: str | None = None
    freeform_tags: dict[str, str] = {}
    defined_tags: dict[str, dict[str, str]] = {}


class AttachVnicDetails(_Details):
    """AttachVnicDetails."""

    create_vnic_details: CreateVnicDetails
    instance_id: str
    display_name: str | None = None
    nic_index: int = 0


class UpdateVnicDetails(_Details):
    """UpdateVnicDetails."""

    display_name: str | None = None
    hostname_label: str | None = None
    nsg_ids: list[str] | None = None
    skip_source_dest_check: bool | None = None
    freeform_tags: dict[str, str] | None = None
    defined_tags: dict[str, dict[str, str]] | None = None


class _NewAddress(_Details):
    ip_address: str | None = None
    cidr_prefix_length: int | None = None
    ipv4_subnet_cidr_at_creation: str | None = None
    lifetime: str | None = None
    hostname_label: str | None = None
    display_name: str | None = None
    route_table_id: str | None = None
    freeform_tags: dict[str, str] = {}
    defined_tags: dict[str, dict[str, str]] = {}


class CreatePrivateIpDetails(_NewAddress):
    """CreatePrivateIpDetails."""

    vnic_id: str | None = None
    subnet_id: str | None = None
    vlan_id: str | None = None


class UpdatePrivateIpDetails(_Details):
    """UpdatePrivateIpDetails."""

    vnic_id: str | None = None
    display_name: str | None = None
    hostname_label: str | None = None
    lifetime: str | None = None
    freeform_tags: dict[str, str] | None = None
    defined_tags: dict[str, dict[str, str]] | None = None


class BulkCreatePrivateIpItem(_NewAddress):
    """BulkCreatePrivateIpItem."""


class BulkCreatePrivateIpsDetails(_Details):
    """BulkCreatePrivateIpsDetails."""

    bulk_create_private_ip_item: list[BulkCreatePrivateIpItem]
    vnic_id: str | None = None
    subnet_id: str | None = None
    vlan_id: str | None = None


class BulkDeletePrivateIpItem(_Details):
    """BulkDeletePrivateIpItem."""

    private_ip_id: str


class BulkDeletePrivateIpsDetails(_Details):
    """BulkDeletePrivateIpsDetails."""

    bulk_delete_private_ip_item: list[BulkDeletePrivateIpItem]
    vnic_id: str | None = None
    subnet_id: str | None = None
    vlan_id: str | None = None


class PortRangeDetails(_Details):
    """PortRange."""

    min: int
    max: int


class PortOptions(_Details):
    """TcpOptions and UdpOptions."""

    destination_port_range: PortRangeDetails | None = None
    source_port_range: PortRangeDetails | None = None


class IcmpOptions(_Details):
    """IcmpOptions."""

    type: int
    code: int | None = None


class AddSecurityRuleDetails(_Details):
    """AddSecurityRuleDetails."""

    direction: str
    protocol: str
    source: str | None = None
    source_type: str | None = None
    destination: str | None = None
    destination_type: str | None = None
    is_stateless: bool = False
    tcp_options: PortOptions | None = None
    udp_options: PortOptions | None = None
    icmp_options: IcmpOptions | None = None
    description: str | None = None


class AddSecurityRulesDetails(_Details):
    """AddNetworkSecurityGroupSecurityRulesDetails."""

    security_rules: list[AddSecurityRuleDetails] = []


class RemoveSecurityRulesDetails(_Details):
    """RemoveNetworkSecurityGroupSecurityRulesDetails."""

    security_rule_ids: list[str] = []


class FederationDetails(_Details):
    """POST /v1/x509."""

    certificate: str
    public_key: str
    intermediate_certificates: list[str] = []
    purpose: str | None = None
    fingerprint_algorithm: str | None = None


def decode(data: bytes, kind: type[T]) -> T:
    """Return a request body.

    Raises:
        ServiceError: 400 in OCI's words.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        text = str(error)
        code = "MissingParameter" if "missing required" in text else "InvalidParameter"
        raise ServiceError(400, code, text) from error
    except msgspec.DecodeError as error:
        raise ServiceError(
            400, "CannotParseRequest", f"Incorrectly formatted request: {error}"
        ) from error
