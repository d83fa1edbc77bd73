"""The tables of a world file: their keys and defaults."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated

import msgspec

from fakeoci.world.compartments import DEFAULT, TENANCY
from fakeoci.world.labels import DnsLabel
from fakeoci.world.settings import Behaviour, Limits, Timing

Ports = Annotated[list[int], msgspec.Meta(min_length=1, max_length=2)]
"""One port, or the first and the last of a range."""


class _Table(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A table of the file."""


class WorldTable(_Table):
    """[world]."""

    seed: int = 1
    region: str = "us-ashburn-1"
    region_key: str = "iad"


class CompartmentTable(_Table):
    """[[compartments]]: those beside ``network``, which always exists."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[\w.-]{1,100}$")]
    parent: str = TENANCY
    """The name of the parent compartment."""


class RuleTable(_Table):
    """One security rule: ``{direction, protocol, peer, ports, …}``."""

    direction: str = "ingress"
    protocol: str = "all"
    peer: str = "0.0.0.0/0"
    """A CIDR, or the name of an NSG as ``nsg:name``."""
    ports: Ports | None = None
    source_ports: Ports | None = None
    stateless: bool = False
    description: str = ""


class RouteEntry(_Table):
    """One route: ``{to, by}``."""

    to: str
    by: str


class SubnetTable(_Table):
    """[[vcns.subnets]]."""

    name: str
    cidrs: list[str]
    compartment: str = ""
    """Empty: its VCN's."""
    ipv6: bool = False
    """True: it also has a /64 of its VCN's prefix."""
    public: bool = False
    dns_label: DnsLabel = ""
    """Required for hostnames in the subnet; the VCN must have a label too."""
    routes: list[RouteEntry] = []
    rules: list[RuleTable] = []


class NsgTable(_Table):
    """[[vcns.nsgs]]."""

    name: str
    compartment: str = ""
    """Empty: its VCN's."""
    rules: list[RuleTable] = []


class GatewayTable(_Table):
    """[[vcns.gateways]]."""

    name: str
    kind: str
    peer: str = ""
    """Peering gateway: the name of the other VCN's gateway."""
    network: str = ""
    """DRG: the name of an on-premises network."""


class VcnTable(_Table):
    """[[vcns]]."""

    name: str
    cidrs: list[str]
    compartment: str = DEFAULT
    ipv6: bool = False
    """True: it has a /56 from Oracle."""
    dns_label: DnsLabel = ""
    subnets: list[SubnetTable] = []
    nsgs: list[NsgTable] = []
    gateways: list[GatewayTable] = []


class OnPremTable(_Table):
    """[[onprem]]."""

    name: str
    cidr: str
    host: str
    ipv6_cidr: str = ""
    """Empty: it has no IPv6; else ``ipv6_host`` is required."""
    ipv6_host: str = ""

    def __post_init__(self) -> None:
        if IPv4Address(self.host) not in IPv4Network(self.cidr):
            raise ValueError(f"host {self.host} is not in {self.cidr}")
        six, host = self.ipv6_cidr, self.ipv6_host
        if bool(six) != bool(host):
            raise ValueError("ipv6_cidr and ipv6_host need each other")
        if six and IPv6Address(host) not in IPv6Network(six):
            raise ValueError(f"ipv6_host {host} is not in {six}")


class InstanceTable(_Table):
    """[[instances]]."""

    name: str
    subnet: str
    compartment: str = DEFAULT
    count: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    """0: one instance.  n: the instances name1 to name<n>."""
    nsgs: list[str] = []
    shape: str = "VM.Standard.E5.Flex"
    ocpus: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 4.0
    private_ip: str | None = None
    netns: str = ""
    """The name of its network namespace; empty: the instance's name."""
    metadata: dict[str, str] = {}
    private_ips_per_vnic: Annotated[int, msgspec.Meta(ge=0, le=10_000)] | None = None


class DynamicGroupTable(_Table):
    """[[dynamic_groups]]: ``rule`` is OCI's matching rule, as by instance.id."""

    name: str
    rule: str


class WorldFile(_Table):
    """The whole file."""

    world: WorldTable = msgspec.field(default_factory=WorldTable)
    timing: Timing = msgspec.field(default_factory=Timing)
    limits: Limits = msgspec.field(default_factory=Limits)
    behaviour: Behaviour = msgspec.field(default_factory=Behaviour)
    policies: list[str] = []
    """Statements; if there are none, every call is allowed."""
    dynamic_groups: list[DynamicGroupTable] = []
    compartments: list[CompartmentTable] = []
    onprem: list[OnPremTable] = []
    vcns: list[VcnTable] = []
    instances: list[InstanceTable] = []
