"""OCI's JSON, only the fields that we read or send.

Sources: docs/oci.md#bodies, docs/oci.md#instance-metadata.
"""

from ipaddress import ip_address, ip_network
from typing import Annotated, Literal

import msgspec

from vcnd.model.family import Family
from vcnd.ociapi.values import (
    HostName,
    Ocid,
    PrefixLength,
    VlanTag,
    VnicCount,
    check_address,
    check_block,
    check_mac,
    check_network,
)

Token = Annotated[str, msgspec.Meta(max_length=65536, pattern=r"^[A-Za-z0-9._=$-]+\Z")]
"""Its text is part of a header of each request."""


class _Read(msgspec.Struct, rename="camel", kw_only=True):
    """Replies: unknown fields are ignored."""


class Instance(_Read):
    """An instance."""

    id: Ocid
    lifecycle_state: str


class VnicAttachment(_Read):
    """An attachment; ``vnic_id`` comes only once it is complete."""

    id: Ocid
    lifecycle_state: Literal["ATTACHING", "ATTACHED", "DETACHING", "DETACHED"]
    """An unknown state says nothing about the VNIC: such an answer is refused and has
    no effect."""
    vnic_id: Ocid | None = None
    instance_id: str = ""

    def __post_init__(self) -> None:
        """Raise if it is complete and names no VNIC."""
        if self.lifecycle_state == "ATTACHED" and self.vnic_id is None:
            raise ValueError("an ATTACHED attachment without vnicId")


class Vnic(_Read):
    """A VNIC."""

    id: Ocid
    subnet_id: Ocid
    is_primary: bool = False
    nsg_ids: list[Ocid] = []
    freeform_tags: dict[str, str] = {}
    lifecycle_state: str = "AVAILABLE"
    route_table_id: Ocid | None = None
    """Its own; null: its subnet's."""
    private_ip: str | None = None
    public_ip: str | None = None
    """Of its primary address."""


class Subnet(_Read):
    """A subnet."""

    id: Ocid
    vcn_id: Ocid
    compartment_id: str = ""
    cidr_block: str | None = None
    ipv4_cidr_blocks: list[str] | None = None
    ipv6_cidr_block: str | None = None
    ipv6_cidr_blocks: list[str] | None = None
    route_table_id: str = ""
    security_list_ids: list[Ocid] | None = None
    prohibit_internet_ingress: bool | None = None
    prohibit_public_ip_on_vnic: bool | None = None

    @property
    def cidrs(self) -> frozenset[str]:
        """Return its CIDRs of both families."""
        first = [self.cidr_block] if self.cidr_block else []
        return frozenset((*first, *(self.ipv4_cidr_blocks or ()), *self.ipv6_prefixes))

    @property
    def ipv6_prefixes(self) -> tuple[str, ...]:
        """Return its IPv6 prefixes: Oracle's, the customer's own, and ULA."""
        first = [self.ipv6_cidr_block] if self.ipv6_cidr_block else []
        return tuple(dict.fromkeys((*first, *(self.ipv6_cidr_blocks or ()))))

    def __post_init__(self) -> None:
        """Raise unless its CIDRs are networks."""
        for cidr in self.cidrs:
            ip_network(cidr)
        for prefix in self.ipv6_prefixes:
            check_network(prefix, Family.IPV6)


class CidrUse(_Read):
    """How full a CIDR of a subnet is, in per cent."""

    cidr: str
    utilization: Annotated[float, msgspec.Meta(ge=0, le=100)]

    def __post_init__(self) -> None:
        """Raise unless the CIDR is a network."""
        ip_network(self.cidr)

    @property
    def is_ipv4(self) -> bool:
        """Return True if it is a network of IPv4."""
        return bool(ip_network(self.cidr).version == 4)  # noqa: PLR2004 - IPv4


class SubnetUse(_Read):
    """How full a subnet is."""

    ip_inventory_cidr_utilization_summary: list[CidrUse]


class Vcn(_Read):
    """A VCN; IPv6 prefixes are Oracle's, the customer's own, or private ones."""

    id: Ocid
    cidr_blocks: list[str]
    ipv6_cidr_blocks: list[str] | None = None
    byoipv6_cidr_blocks: list[str] | None = None
    ipv6_private_cidr_blocks: list[str] | None = None

    @property
    def cidrs(self) -> tuple[str, ...]:
        """Return the CIDRs of both families, sorted."""
        return tuple(sorted({*self.cidr_blocks, *self._ipv6}))

    @property
    def _ipv6(self) -> list[str]:
        return [
            *(self.ipv6_cidr_blocks or []),
            *(self.byoipv6_cidr_blocks or []),
            *(self.ipv6_private_cidr_blocks or []),
        ]

    def __post_init__(self) -> None:
        """Raise unless the CIDRs are networks of their family, and there are some."""
        if not self.cidr_blocks:
            raise ValueError("a VCN without cidrBlocks")
        for cidr in self.cidr_blocks:
            check_network(cidr, Family.IPV4)
        for cidr in self._ipv6:
            check_network(cidr, Family.IPV6)


class Address(_Read):
    """A private IP or IPv6 object; a block has a shorter prefix than one address."""

    id: Ocid
    ip_address: str
    is_primary: bool = False
    vnic_id: Ocid | None = None
    cidr_prefix_length: PrefixLength | None = None
    lifetime: Literal["EPHEMERAL", "RESERVED"] = "EPHEMERAL"
    lifecycle_state: str = "AVAILABLE"
    """IPv6 objects have it; private IPs do not."""
    freeform_tags: dict[str, str] = {}
    route_table_id: Ocid | None = None
    """Its own; null: its VNIC's."""

    def __post_init__(self) -> None:
        """Raise unless it is an address, or an aligned block of them."""
        check_address(self.ip_address)
        if self.cidr_prefix_length is not None:
            check_block(self.ip_address, self.cidr_prefix_length)

    def covers(self, address: str) -> bool:
        """Return True if it is an address, or the block that has it."""
        length = self.cidr_prefix_length
        if length is None:
            return ip_address(address) == ip_address(self.ip_address)
        return ip_address(address) in ip_network(f"{self.ip_address}/{length}")


class WorkRequestResource(_Read):
    """An object that an asynchronous action made, changed or removed."""

    action_type: str
    identifier: str


class WorkRequest(_Read):
    """An asynchronous action."""

    id: Ocid
    status: str
    resources: list[WorkRequestResource] = []


class WorkRequestError(_Read):
    """An error of a failed work request."""

    code: str
    message: str


class ImdsShapeConfig(_Read):
    """The fields of IMDS shapeConfig that are read."""

    max_vnic_attachments: VnicCount


class ImdsRegionInfo(_Read):
    """Region and realm."""

    region_identifier: HostName
    realm_domain_component: HostName


class ImdsInstance(_Read):
    """GET /opc/v2/instance/."""

    id: Ocid
    compartment_id: Ocid
    region_info: ImdsRegionInfo
    shape_config: ImdsShapeConfig


class ImdsVnic(_Read):
    """A VNIC of GET /opc/v2/vnics/; its primary private IP is the only one listed.

    Any VNIC of the instance may be there, also one without IPv4.
    """

    vnic_id: Ocid
    mac_addr: str
    private_ip: str = ""
    virtual_router_ip: str = ""
    subnet_cidr_block: str = ""
    vlan_tag: VlanTag = 0
    ipv6_addresses: list[str] = []
    ipv6_subnet_cidr_block: str = ""
    ipv6_virtual_router_ip: str = ""

    def check(self) -> None:
        """Raise ``ValueError`` unless it can be the primary or a pod VNIC.

        Not for every VNIC: others' VNICs of this instance may have any values.
        """
        check_mac(self.mac_addr)
        if not self.private_ip:
            raise ValueError("it has no IPv4 address")
        check_network(self.subnet_cidr_block, Family.IPV4)
        for address in (self.private_ip, self.virtual_router_ip, *self.ipv6_addresses):
            check_address(address)
        if self.ipv6_subnet_cidr_block:
            check_network(self.ipv6_subnet_cidr_block, Family.IPV6)
        if self.ipv6_virtual_router_ip:
            check_address(self.ipv6_virtual_router_ip)


class OddImdsVnic(ImdsVnic, kw_only=True):
    """A VNIC whose other fields cannot be read: it matters if it is one of ours."""

    reason: str

    def check(self) -> None:
        """Raise ``ValueError``."""
        raise ValueError(self.reason)


class CreateVnicDetails(msgspec.Struct, rename="camel", omit_defaults=True):
    """The properties of a new VNIC."""

    subnet_id: str
    nsg_ids: list[str]
    freeform_tags: dict[str, str]
    display_name: str
    assign_public_ip: bool | None = None
    assign_ipv6_ip: bool | None = None
    skip_source_dest_check: bool | None = None


class UpdateVnicDetails(msgspec.Struct, rename="camel"):
    """Body of UpdateVnic: absent fields stay as they are."""

    nsg_ids: list[str]


class UpdateTagsDetails(msgspec.Struct, rename="camel"):
    """Body of UpdateVnic, UpdatePrivateIp and UpdateIpv6: absent fields stay."""

    freeform_tags: dict[str, str]


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
    """For IPv6: one of the subnet's prefixes."""


class ReservePrivateIpDetails(msgspec.Struct, rename="camel"):
    """Body of CreatePrivateIp for an address without a VNIC, which outlives VNICs."""

    subnet_id: str
    display_name: str
    freeform_tags: dict[str, str]
    lifetime: str = "RESERVED"


class MovePrivateIpDetails(msgspec.Struct, rename="camel"):
    """Body of UpdatePrivateIp: absent fields stay as they are."""

    vnic_id: str


class FederationRequest(msgspec.Struct, rename="camel"):
    """Body of POST /v1/x509; PEMs without armour and newlines."""

    certificate: str
    public_key: str
    intermediate_certificates: list[str]


class FederationAnswer(msgspec.Struct):
    """A security token (a JWT)."""

    token: Token


class TokenClaims(msgspec.Struct):
    """The claims that a client needs; Unix times."""

    exp: float
