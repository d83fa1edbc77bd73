"""What the books, the kernel and the cloud each say, compared.

``compare`` returns repairs as values; ``flow.repair`` carries them out.  One
path serves start-up, the periodic audit and CNI GC.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from vcnd.model.ids import VnicId
from vcnd.model.podnetwork import PodClass
from vcnd.model.sandbox import Lease
from vcnd.model.vnic import CloudView, PrivateIp


@dataclass(frozen=True, slots=True)
class Adopt:
    """The cloud gives one of our VNICs an address or block that the ledger lacks."""

    private_ip: PrivateIp


@dataclass(frozen=True, slots=True)
class Forget:
    """The ledger has an address or block that the cloud no longer gives us."""

    private_ip: PrivateIp
    leased: bool
    """Whether a pod still uses it: its traffic is being dropped by the VCN."""


@dataclass(frozen=True, slots=True)
class ReapLink:
    """The kernel has a pod interface of ours that no lease names."""

    host_ifname: str


@dataclass(frozen=True, slots=True)
class EndLease:
    """A lease's interface is gone and so is its sandbox: the address comes back."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class SetNsgs:
    """A pod VNIC is in other NSGs than its class says."""

    vnic_id: VnicId
    nsg_ids: tuple[str, ...]


CloudRepair = Adopt | Forget
Repair = ReapLink | EndLease


def nsg_drift(view: CloudView, classes: Mapping[str, PodClass]) -> list[SetNsgs]:
    """Compare the pod VNICs' NSGs with those of their classes, by name.

    A VNIC of a subnet that its class does not name (it did once) is left as it is,
    and one of a class that no pod asks for: its pods were promised something else.
    """
    repairs: list[SetNsgs] = []
    for vnic in view.pod_vnics:
        wanted = classes.get(vnic.pod_class)
        if wanted is None or vnic.subnet_id not in wanted.subnet_ids:
            continue
        if sorted(view.nsgs[vnic.id]) != sorted(wanted.nsg_ids):
            repairs.append(SetNsgs(vnic.id, wanted.nsg_ids))
    return repairs


def cloud_drift(
    *, books: list[PrivateIp], cloud: list[PrivateIp], leased: AbstractSet[str]
) -> list[CloudRepair]:
    """Compare the ledger's addresses with what the cloud lists on our VNICs."""
    known = {p.address: p for p in books}
    listed = {p.address: p for p in cloud}
    repairs: list[CloudRepair] = [
        Forget(p, not leased.isdisjoint(p.addresses))
        for a, p in known.items()
        if a not in listed or listed[a].id != p.id
    ]
    # An address that was deleted and given anew is another object: first forget it.
    repairs += [
        Adopt(p) for a, p in listed.items() if a not in known or known[a].id != p.id
    ]
    return repairs


def kernel_drift(
    *, leases: list[Lease], links: AbstractSet[str], busy: AbstractSet[str]
) -> list[Repair]:
    """Compare leases with the pod interfaces that the kernel has.

    Args:
        leases: all leases of the books.
        links: names of our pod interfaces on the host.
        busy: host interfaces that a call is working on just now; left alone.
    """
    named = {lease.host_ifname for lease in leases}
    repairs: list[Repair] = [ReapLink(name) for name in sorted(links - named - busy)]
    repairs += [
        EndLease(lease)
        for lease in leases
        if lease.host_ifname not in links and lease.host_ifname not in busy
    ]
    return repairs


def listed_drift(
    *, leases: list[Lease], network: str, valid: AbstractSet[tuple[str, str]]
) -> list[Repair]:
    """Return the leases of a network that CNI GC's list of attachments lacks."""
    return [
        EndLease(lease)
        for lease in leases
        if lease.key.network == network
        and (lease.key.container_id, lease.key.ifname) not in valid
    ]
