"""The resources of the cloud.  Fields are OCI's; times are Unix seconds."""

from dataclasses import dataclass, field
from typing import Any

from fakeoci.world.labels import FAULT_DOMAINS


@dataclass(kw_only=True)
class Resource:
    """The fields of every resource."""

    id: str
    compartment_id: str
    display_name: str = ""
    time_created: float = 0.0
    version: int = 1
    number: int = 0
    """The order of creation: the world counts its objects from 1."""
    freeform_tags: dict[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        """Return the etag that if-match is compared with."""
        return f"{self.id[-8:]}{self.version:04x}"


@dataclass(kw_only=True)
class Vcn(Resource):
    """A virtual cloud network."""

    cidr_blocks: list[str]
    ipv6_cidr_blocks: list[str] = field(default_factory=list)
    dns_label: str = ""
    default_route_table_id: str = ""
    default_security_list_id: str = ""
    default_dhcp_options_id: str = ""
    lifecycle_state: str = "AVAILABLE"


@dataclass(kw_only=True)
class PortRange:
    """Ports from min to max."""

    min: int
    max: int


@dataclass(kw_only=True)
class Traffic:
    """The packets that a rule is for, whatever their addresses are."""

    protocol: str = "all"
    """``all`` or an IP protocol number as text."""
    ports: PortRange | None = None
    """Destination ports of TCP or UDP."""
    source_ports: PortRange | None = None
    """Source ports of TCP or UDP."""
    icmp_type: int | None = None
    icmp_code: int | None = None


@dataclass(kw_only=True)
class SecurityRule(Traffic):
    """A rule of a security list or an NSG."""

    id: str = ""
    number: int = 0
    """The order of an NSG's rules."""
    direction: str = "INGRESS"
    peer: str = "0.0.0.0/0"
    """Source of ingress, destination of egress."""
    peer_type: str = "CIDR_BLOCK"
    description: str = ""
    is_stateless: bool = False
    """True: it allows packets of one direction, and no answers to them."""
    is_valid: bool = True
    """False once the NSG that it names is deleted."""


@dataclass(kw_only=True)
class SecurityList(Resource):
    """Rules that apply to all VNICs of a subnet."""

    vcn_id: str
    rules: list[SecurityRule] = field(default_factory=list)
    lifecycle_state: str = "AVAILABLE"


@dataclass(kw_only=True)
class Nsg(Resource):
    """A network security group: rules that apply to its member VNICs."""

    vcn_id: str
    rules: dict[str, SecurityRule] = field(default_factory=dict)
    lifecycle_state: str = "AVAILABLE"


@dataclass(kw_only=True)
class RouteRule:
    """A route to a destination by a gateway or private IP."""

    destination: str
    network_entity_id: str
    description: str = ""
    destination_type: str = "CIDR_BLOCK"


@dataclass(kw_only=True)
class RouteTable(Resource):
    """The routes from subnets out of their VCN."""

    vcn_id: str
    rules: list[RouteRule] = field(default_factory=list)
    lifecycle_state: str = "AVAILABLE"


@dataclass(kw_only=True)
class Gateway(Resource):
    """An internet, NAT, service, local peering or dynamic routing gateway of a VCN."""

    kind: str
    vcn_id: str
    is_enabled: bool = True
    """Internet gateway: True if enabled.  NAT gateway: False if it blocks traffic."""
    peer_id: str = ""
    """Local peering gateway: the OCID of the other VCN's gateway."""
    network: str = ""
    """Dynamic routing gateway: the name of the on-premises network."""
    service_ids: list[str] = field(default_factory=list)
    """Service gateway: the OCIDs of its services."""
    lifecycle_state: str = "AVAILABLE"


@dataclass(kw_only=True)
class DrgAttachment(Resource):
    """A dynamic routing gateway's attachment to a VCN; the fake allows one."""

    drg_id: str
    vcn_id: str
    lifecycle_state: str = "ATTACHED"


@dataclass(kw_only=True)
class DhcpOptions(Resource):
    """The DNS settings that DHCP gives to a VCN's hosts."""

    vcn_id: str
    options: list[dict[str, object]] = field(default_factory=list)
    lifecycle_state: str = "AVAILABLE"


@dataclass(kw_only=True)
class OnPrem:
    """A network on the other side of a dynamic routing gateway."""

    name: str
    cidr: str
    host: str
    """The address of its only host."""
    ipv6_cidr: str = ""
    """Empty: it has no IPv6."""
    ipv6_host: str = ""


@dataclass(kw_only=True)
class Subnet(Resource):
    """A part of a VCN's addresses."""

    vcn_id: str
    cidr_blocks: list[str]
    route_table_id: str
    security_list_ids: list[str]
    ipv6_cidr_blocks: list[str] = field(default_factory=list)
    prohibit_public_ip: bool = True
    dns_label: str = ""
    dhcp_options_id: str = ""
    lifecycle_state: str = "AVAILABLE"


@dataclass(kw_only=True)
class Instance(Resource):
    """A machine."""

    shape: str
    ocpus: float
    max_vnic_attachments: int
    lifecycle_state: str = "RUNNING"
    metadata: dict[str, str] = field(default_factory=dict)
    netns: str = ""
    """The network namespace that its links appear in; see ``fakeoci.fabric``."""
    private_ips_per_vnic: int | None = None
    """The limit for this instance's VNICs; None: the tenancy's."""
    image_id: str = ""
    source: dict[str, Any] = field(default_factory=dict)
    """The caller's ``sourceDetails`` at the launch."""
    fault_domain: str = FAULT_DOMAINS[0]
    gigabytes: float = 0.0
    """Memory in GB; 0: 8 GB for each OCPU."""
    volume_compartment_id: str = ""
    """The boot volume's compartment; empty: the instance was never moved."""


@dataclass(kw_only=True)
class Vnic(Resource):
    """A network interface."""

    subnet_id: str
    instance_id: str
    mac_address: str
    is_primary: bool
    nsg_ids: list[str]
    skip_source_dest_check: bool
    lifecycle_state: str
    public_ip: str | None = None
    hostname_label: str = ""
    route_table_id: str = ""
    attached_at: float = 0.0
    """Time at which a secondary VNIC's attachment was complete."""


@dataclass(kw_only=True)
class VnicAttachment(Resource):
    """The object that ties a VNIC to an instance."""

    instance_id: str
    subnet_id: str
    vnic_id: str
    nic_index: int
    lifecycle_state: str


@dataclass(kw_only=True)
class Address(Resource):
    """An address of a subnet or an aligned block, on a VNIC or unassigned."""

    ip_address: str
    prefix_length: int
    subnet_id: str
    vnic_id: str | None
    is_primary: bool = False
    lifetime: str = "EPHEMERAL"
    route_table_id: str = ""
    hostname_label: str = ""

    @property
    def ip_state(self) -> str:
        """Return ASSIGNED if it is on a VNIC, else AVAILABLE."""
        return "ASSIGNED" if self.vnic_id else "AVAILABLE"


@dataclass(kw_only=True)
class PrivateIp(Address):
    """OCI's private IP: IPv4."""


@dataclass(kw_only=True)
class Ipv6(Address):
    """OCI's IPv6."""

    lifecycle_state: str = "AVAILABLE"


@dataclass(kw_only=True)
class CaptureRule(Traffic):
    """A rule of a capture filter; the first that matches a packet decides."""

    direction: str
    """INGRESS or EGRESS of the VNIC that is the VTAP's source."""
    includes: bool = True
    source: str = ""
    """A CIDR; empty: any address."""
    destination: str = ""


@dataclass(kw_only=True)
class CaptureFilter(Resource):
    """Which packets VTAPs mirror."""

    rules: list[CaptureRule] = field(default_factory=list)
    lifecycle_state: str = "AVAILABLE"


@dataclass(kw_only=True)
class Vtap(Resource):
    """A virtual test access point: it mirrors a source's packets to a target."""

    vcn_id: str
    source_id: str
    """A VNIC, or a subnet: all its VNICs."""
    capture_filter_id: str
    vxlan_network_identifier: int
    target_id: str = ""
    """A VNIC; empty: ``target_ip`` says the target."""
    target_ip: str = ""
    is_enabled: bool = False
    traffic_mode: str = "DEFAULT"
    max_packet_size: int = 9000
    lifecycle_state: str = "AVAILABLE"


@dataclass(kw_only=True)
class WorkRequest(Resource):
    """An asynchronous action."""

    operation_type: str
    status: str = "ACCEPTED"
    resources: list[tuple[str, str, str]] = field(default_factory=list)
    """(entity type, action, identifier)."""
    errors: list[tuple[str, str, float]] = field(default_factory=list)
    """(code, message, time)."""
    logs: list[tuple[str, float]] = field(default_factory=list)
    """(message, time)."""
    time_finished: float | None = None
