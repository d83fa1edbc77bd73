"""VNICs and private IPs, as far as the node needs to know them."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from vcnd.model.family import Family, family_of
from vcnd.model.ids import OWN_CLASS, ClassName, PrivateIpId, SubnetId, VnicId


@dataclass(frozen=True, slots=True, kw_only=True)
class Vnic:
    """A VNIC attached to this instance."""

    id: VnicId
    mac: str
    address: str
    """The VNIC's own, primary private IP."""
    subnet_id: SubnetId
    subnet_cidr: str
    virtual_router: str
    ipv6: str = ""
    """The VNIC's own IPv6 address; empty: it has none."""
    ipv6_cidr: str = ""
    """The subnet's first IPv6 prefix; empty: it has none."""
    ipv6_router: str = ""
    pod_class: ClassName = OWN_CLASS
    """The class of pods that it is for."""
    further_cidrs: tuple[str, ...] = ()
    """Networks of its addresses outside ``subnet_cidr``: the subnet has more blocks."""

    @property
    def pod_networks(self) -> tuple[str, ...]:
        """Return the networks that the addresses of its pods are of."""
        known = self.subnet_cidr, *self.further_cidrs, self.ipv6_cidr
        return tuple(network for network in known if network)

    def covers(self, address: str) -> bool:
        """Return True if an address is of one of these networks."""
        return any(ip_address(address) in ip_network(n) for n in self.pod_networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class VnicSlot:
    """A VNIC under the node's own small number for it.

    1 is the primary, 2 and up are pod VNICs.  Packet marks and route tables are
    derived from the number, and connections carry it in their mark, so it never
    changes while the VNIC lives.
    """

    index: int
    vnic: Vnic

    @property
    def is_primary(self) -> bool:
        """Return True if this is the instance's primary VNIC, which carries no pods."""
        return self.index == PRIMARY_INDEX


PRIMARY_INDEX = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateIp:
    """A secondary private IP object of one of our VNICs: an address, or a block.

    OCI's IPv6 objects are another kind there; here they differ by their address.

    Where ``fixed`` names it, it is RESERVED: it outlives its pods and its VNIC, and
    is for the pods that claim that name alone.
    """

    id: PrivateIpId
    address: str
    """The address, or a block's first."""
    vnic_id: VnicId
    prefix_length: int = 0
    """0: a single address."""
    fixed: str = ""

    @property
    def family(self) -> Family:
        """Return the family."""
        return family_of(self.address)

    @property
    def size(self) -> int:
        """Return how many addresses it is."""
        return 1 << (self.family.bits - self.prefix_length if self.prefix_length else 0)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return its addresses, the first one first."""
        if self.size == 1:
            return (self.address,)
        first = ip_address(self.address)
        return tuple(str(first + n) for n in range(self.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the journal knows by OCID: it is ours, whatever its tags say."""

    vnics: Mapping[VnicId, Vnic]
    private_ips: Mapping[PrivateIpId, PrivateIp]


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudView:
    """What the cloud says of this instance, at one look."""

    primary: Vnic
    pod_vnics: tuple[Vnic, ...]
    """Secondary VNICs that carry our tags; foreign ones are left out."""
    nsgs: Mapping[VnicId, tuple[str, ...]]
    """The NSGs of the pod VNICs."""
    private_ips: tuple[PrivateIp, ...]
    """Secondary private IPs on the pod VNICs, but RESERVED ones that are not ours;
    and the IPv6 addresses of ours, where it was asked for both families."""
    unlisted: Mapping[Family, str]
    """Families whose addresses could not be listed, and why: nothing follows of it."""
    attached: tuple[VnicId, ...]
    """All VNICs of the instance, foreign ones and those that go too: they use the
    shape's slots."""
    attaching: int
    """How many more VNICs are on their way, and have no OCID yet."""
    untagged_vnics: tuple[Vnic, ...] = ()
    """Pod VNICs that are known, and have lost our tags."""
    untagged_ips: tuple[PrivateIp, ...] = ()
    """Addresses that are known, and have lost the tags that we need."""
    vnic_limit: int
    """How many VNICs the shape takes (IMDS shapeConfig.maxVnicAttachments)."""
