"""OCI's JSON, only the fields that we read or send (facts/oci.md §4.3, §6)."""

import msgspec


class _Read(msgspec.Struct, rename="camel", kw_only=True):
    """Replies: fields that we do not know are passed over."""


class VnicAttachment(_Read):
    """An attachment; ``vnic_id`` comes only once it is complete."""

    id: str
    lifecycle_state: str
    vnic_id: str | None = None


class Vnic(_Read):
    """A VNIC."""

    id: str
    lifecycle_state: str
    subnet_id: str
    is_primary: bool = False
    nsg_ids: list[str] = []
    freeform_tags: dict[str, str] = {}


class Address(_Read):
    """A private IP or IPv6 object; a block has a shorter prefix than one address."""

    id: str
    ip_address: str
    is_primary: bool = False
    vnic_id: str | None = None
    cidr_prefix_length: int | None = None
    lifetime: str = "EPHEMERAL"
    freeform_tags: dict[str, str] = {}


class WorkRequestResource(_Read):
    """What an asynchronous action made, changed or removed."""

    action_type: str
    identifier: str


class WorkRequest(_Read):
    """An asynchronous action."""

    id: str
    status: str
    resources: list[WorkRequestResource] = []


class WorkRequestError(_Read):
    """Why a work request failed."""

    code: str
    message: str


class ImdsShapeConfig(_Read):
    """The part of IMDS shapeConfig that counts."""

    max_vnic_attachments: int


class ImdsRegionInfo(_Read):
    """Region and realm."""

    region_identifier: str
    realm_domain_component: str


class ImdsInstance(_Read):
    """GET /opc/v2/instance/."""

    id: str
    compartment_id: str
    region_info: ImdsRegionInfo
    shape_config: ImdsShapeConfig


class ImdsVnic(_Read):
    """One of GET /opc/v2/vnics/: only the VNIC's primary private IP is told."""

    vnic_id: str
    mac_addr: str
    private_ip: str
    virtual_router_ip: str
    subnet_cidr_block: str
    vlan_tag: int = 0
    ipv6_addresses: list[str] = []
    ipv6_subnet_cidr_block: str = ""
    ipv6_virtual_router_ip: str = ""


class CreateVnicDetails(msgspec.Struct, rename="camel", omit_defaults=True):
    """What a new VNIC shall be."""

    subnet_id: str
    nsg_ids: list[str]
    freeform_tags: dict[str, str]
    display_name: str
    assign_public_ip: bool | None = None
    assign_ipv6_ip: bool | None = None
    skip_source_dest_check: bool | None = None


class UpdateVnicDetails(msgspec.Struct, rename="camel"):
    """Body of UpdateVnic: what is left out stays as it is."""

    nsg_ids: list[str]


class AttachVnicDetails(msgspec.Struct, rename="camel"):
    """Body of AttachVnic."""

    instance_id: str
    create_vnic_details: CreateVnicDetails


class NewAddress(msgspec.Struct, rename="camel", omit_defaults=True):
    """Body of CreatePrivateIp or CreateIpv6; without the VNIC, an item in bulk."""

    freeform_tags: dict[str, str]
    vnic_id: str | None = None
    cidr_prefix_length: int | None = None
    ipv6_subnet_cidr: str | None = None
    """Of IPv6: from which of the subnet's prefixes."""


class ReservePrivateIpDetails(msgspec.Struct, rename="camel"):
    """Body of CreatePrivateIp for an address on no VNIC yet, which outlives them."""

    subnet_id: str
    display_name: str
    freeform_tags: dict[str, str]
    lifetime: str = "RESERVED"


class MovePrivateIpDetails(msgspec.Struct, rename="camel"):
    """Body of UpdatePrivateIp: what is left out stays as it is."""

    vnic_id: str


class FederationRequest(msgspec.Struct, rename="camel"):
    """Body of POST /v1/x509; PEMs without armour and newlines."""

    certificate: str
    public_key: str
    intermediate_certificates: list[str]


class FederationAnswer(msgspec.Struct):
    """A security token (a JWT)."""

    token: str


class TokenClaims(msgspec.Struct):
    """The claims that a client needs; Unix times."""

    exp: float
