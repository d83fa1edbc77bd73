"""VNICs and private IPs, with the fields that the node needs."""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network

import msgspec

from vcnd.model.cause import Fault
from vcnd.model.family import Family, family_of
from vcnd.model.ids import OWN_CLASS, ClassName, PrivateIpId, SubnetId, VnicId

MOST_ADDRESSES = 1 << 16
"""Most addresses of one VNIC that the ledger takes; it holds each of them.
OKE gives a VNIC up to 256; the smallest number for an IPv6 /80 is 2^48."""
BULK_FROM = 4
"""From this number on addresses are created and deleted in one request, which a work
request carries out after its answer.  That costs at least three calls (start, poll,
list), so fewer go one by one."""


class Vnic(msgspec.Struct, frozen=True, kw_only=True):
    """A VNIC attached to this instance."""

    id: VnicId
    mac: str
    address: str
    """The VNIC's own, primary private IP."""
    subnet_id: SubnetId
    subnet_cidr: str
    virtual_router: str
    ipv6: str = ""
    """The VNIC's own IPv6 address; empty if it has none."""
    ipv6_cidr: str = ""
    """The subnet's first IPv6 prefix; empty if it has none."""
    ipv6_router: str = ""
    pod_class: ClassName = OWN_CLASS
    """Its class of pods."""
    further_cidrs: tuple[str, ...] = ()
    """Networks of its addresses outside ``subnet_cidr``: the subnet has more blocks."""

    vcn_cidrs: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    """The CIDRs of its VCN, of both families.  Empty while they are not known; unset,
    and then not in the journal, if nothing needs them, and of the primary VNIC."""

    @property
    def pod_networks(self) -> tuple[str, ...]:
        """Return the networks of its pods' addresses."""
        known = self.subnet_cidr, *self.further_cidrs, self.ipv6_cidr
        return tuple(network for network in known if network)

    def covers(self, address: str) -> bool:
        """Return True if an address is of one of these networks."""
        return any(ip_address(address) in ip_network(n) for n in self.pod_networks)


class VnicSlot(msgspec.Struct, frozen=True, kw_only=True):
    """A VNIC and its number on this node.

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
MOST_BLOCKS = 256
"""Blocks whose addresses are kept; a node has a few."""


class PrivateIp(msgspec.Struct, frozen=True, kw_only=True):
    """A secondary private IP object of one of our VNICs: an address, or a block.

    In OCI IPv6 objects are another kind; here only the address differs.

    If ``fixed`` names it, it is RESERVED: it outlives its pods and its VNIC, and only
    pods that request that name get it.
    """

    id: PrivateIpId
    address: str
    """The address, or a block's first."""
    vnic_id: VnicId
    prefix_length: int = 0
    """Prefix length of a block; 0 for a single address."""
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
        return (self.address,) if self.size == 1 else _block(self.address, self.size)

    @property
    def notation(self) -> str:
        """Return it as people write it: the address, or the block with its prefix."""
        if self.size == 1:
            return self.address
        return f"{self.address}/{self.prefix_length}"


@lru_cache(maxsize=MOST_BLOCKS)
def _block(first: str, size: int) -> tuple[str, ...]:
    """Return a block's addresses: all who look at a ledger ask for them."""
    address = ip_address(first)
    return tuple(str(address + n) for n in range(size))


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """The objects that the journal knows by OCID: ours, whatever their tags say."""

    vnics: Mapping[VnicId, Vnic]
    private_ips: Mapping[PrivateIpId, PrivateIp]


class CloudView(msgspec.Struct, frozen=True, kw_only=True):
    """The cloud's objects of this instance, from one audit."""

    primary: Vnic
    pod_vnics: tuple[Vnic, ...]
    """Secondary VNICs that carry our tags; foreign ones are left out."""
    nsgs: Mapping[VnicId, tuple[str, ...]]
    """The NSGs of the pod VNICs."""
    private_ips: tuple[PrivateIp, ...]
    """Secondary private IPs on the pod VNICs, except RESERVED ones that are not ours;
    plus our IPv6 objects if that family was requested."""
    unlisted: Mapping[Family, str]
    """Families whose addresses could not be listed, and why; they are not judged."""
    attached: tuple[VnicId, ...]
    """All VNICs of the instance, including foreign and detaching ones: they use the
    shape's slots."""
    attaching: int
    """How many more VNICs are attaching, and have no OCID yet."""
    vcn_fault: Fault | None = None
    """Why the CIDRs of a pod VNIC's VCN cannot be read; it has those read last."""
    prefix_fault: Fault | None = None
    """Why the IPv6 prefix of a VNIC's subnet is not known."""
    untagged_vnics: tuple[Vnic, ...] = ()
    """Known pod VNICs that have lost our tags."""
    untagged_ips: tuple[PrivateIp, ...] = ()
    """Known addresses that have lost our tags."""
    vnic_limit: int
    """How many VNICs the shape takes (IMDS shapeConfig.maxVnicAttachments)."""
