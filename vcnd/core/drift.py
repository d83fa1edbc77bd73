"""Drift: differences between the ledger, the kernel and the cloud.

Repairs are values; ``flow.repair`` and ``flow.kernel_audit`` carry them out.  One
path serves start-up, the periodic audit and CNI GC.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import StrEnum

import msgspec

from vcnd.model.family import Family, family_of
from vcnd.model.ids import ClassName, VnicId
from vcnd.model.interface import PodLink
from vcnd.model.podnetwork import PodClass
from vcnd.model.sandbox import UNKNOWN_COOKIE, HostLink, Lease, PodRef, SandboxKey
from vcnd.model.vnic import CloudView, PrivateIp


class Adopt(msgspec.Struct, frozen=True):
    """The cloud gives one of our VNICs an address or block that the ledger lacks."""

    private_ip: PrivateIp


class Forget(msgspec.Struct, frozen=True):
    """The ledger has an address or block that the cloud no longer gives us."""

    private_ip: PrivateIp
    leased: bool
    """True if a pod still uses it; the VCN drops the pod's packets."""


class Moved(msgspec.Struct, frozen=True):
    """The cloud gives an address or block to another of our VNICs than it did."""

    private_ip: PrivateIp
    """As the ledger has it."""
    now: PrivateIp


class ReapLink(msgspec.Struct, frozen=True):
    """The kernel has an interface of ours that no lease names and that has no pod."""

    host_ifname: str


class RestoreLease(msgspec.Struct, frozen=True):
    """The kernel has a pod interface of ours that carries a pod, and no lease of it.

    It replaces leases of its addresses by other interfaces, which are older.
    """

    lease: Lease


class Gone(StrEnum):
    """How it is known that a lease's sandbox is gone."""

    LINK = "link_gone"
    """The kernel has no link of it; so its network namespace is gone."""
    POD = "pod_gone"
    """The kubelet keeps no cgroup of its pod; so the pod has no process."""
    UNLISTED = "unlisted"
    """The runtime's list of attachments lacks it (CNI GC)."""


class EndLease(msgspec.Struct, frozen=True):
    """A lease's sandbox is gone: the lease ends."""

    lease: Lease
    gone: Gone = Gone.LINK


class SetNsgs(msgspec.Struct, frozen=True):
    """A pod VNIC is in other NSGs than its class says."""

    vnic_id: VnicId
    nsg_ids: tuple[str, ...]


class AdoptVnic(msgspec.Struct, frozen=True):
    """The cloud has a pod VNIC of ours on this instance that the ledger lacks."""

    vnic_id: VnicId


class ForgetVnic(msgspec.Struct, frozen=True):
    """The ledger has a pod VNIC that the cloud's list lacks."""

    vnic_id: VnicId


class RestoreTags(msgspec.Struct, frozen=True):
    """A VNIC or an address of ours has lost our tags."""

    what: str
    """The VNIC's OCID, or the address."""


CloudRepair = Adopt | Forget | Moved
CloudDrift = CloudRepair | AdoptVnic | ForgetVnic | SetNsgs | RestoreTags
KernelRepair = ReapLink | RestoreLease | EndLease


def nsg_drift(view: CloudView, classes: Mapping[ClassName, PodClass]) -> list[SetNsgs]:
    """Compare the pod VNICs' NSGs with those of their classes, by name.

    Two kinds of VNICs stay as they are, since their pods were promised something
    else: those of a subnet that their class no longer names, and those of a class
    that no pod requests any more.
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
    where = {(p.id, p.vnic_id) for p in books}
    # While an address is moved, lists of both VNICs may have it.
    still = (p for p in cloud if (p.id, p.vnic_id) in where)
    listed = {p.address: p for p in (*cloud, *still)}
    repairs: list[CloudRepair] = [
        Forget(p, not leased.isdisjoint(p.addresses))
        for a, p in known.items()
        if a not in listed or listed[a].id != p.id
    ]
    repairs += [
        Moved(p, listed[a])
        for a, p in known.items()
        if a in listed and listed[a].id == p.id and listed[a].vnic_id != p.vnic_id
    ]
    # An address that was deleted and created again is a new object: forget the old one.
    repairs += [
        Adopt(p) for a, p in listed.items() if a not in known or known[a].id != p.id
    ]
    return repairs


def kernel_drift(
    *,
    leases: list[Lease],
    links: Mapping[str, PodLink],
    busy: AbstractSet[str],
    first: Family,
) -> list[KernelRepair]:
    """Compare leases with the pod interfaces that the kernel has.

    A lease ends if the kernel has no link of its name.  A link of ours is removed if
    it carries no pod; if it carries one, the journal lost its lease.  A lease without
    wiring stays, since the kernel knows nothing of it.

    Args:
        leases: all leases of the ledger.
        links: the links with names like pods', by name.
        busy: host interfaces that a call is changing now; they are skipped.
        first: the family of pods' first addresses.
    """
    wired = {x: x.wiring.ifname for x in leases if x.wiring is not None}
    named = {*wired.values()}
    gone = {x for x, name in wired.items() if name not in links}
    alive = {a for x in leases if x not in gone for a in x.addresses}
    repairs: list[KernelRepair] = []
    for name, link in sorted(links.items()):
        if name in named or name in busy or not link.ours:
            continue
        if not link.addresses:
            repairs.append(ReapLink(name))
        elif alive.isdisjoint(link.addresses):
            repairs.append(RestoreLease(_lease_of(link, first)))
    repairs += [EndLease(x) for x in wired if x in gone and wired[x] not in busy]
    return repairs


def _lease_of(link: PodLink, first: Family) -> Lease:
    """Return the lease of a link that carries a pod."""
    by_family = {family_of(a): a for a in reversed(link.addresses)}
    addresses = sorted(by_family.values(), key=lambda a: family_of(a) is not first)
    return Lease(
        key=link.key or SandboxKey.of_link(link.host_ifname),
        addresses=tuple(addresses),
        wiring=HostLink(ifname=link.host_ifname, netns_cookie=UNKNOWN_COOKIE),
        pod=link.pod or PodRef(),
        express=link.express,
    )


def listed_drift(
    *, leases: list[Lease], network: str, valid: AbstractSet[tuple[str, str]]
) -> list[EndLease]:
    """Return the leases of a network that CNI GC's list of attachments lacks."""
    return [
        EndLease(lease, Gone.UNLISTED)
        for lease in leases
        if lease.key.network == network
        and (lease.key.container_id, lease.key.ifname) not in valid
    ]


def lost_sandboxes(
    *,
    leases: Sequence[Lease],
    kept: AbstractSet[str] | None,
    is_bound: Callable[[PodRef], bool],
) -> list[Lease]:
    """Return the leases whose pods the node does not keep (any more).

    Nobody can tell unless some pod with a lease is kept: then there are none.

    Args:
        leases: all leases of the ledger.
        kept: uids of the pods that the kubelet keeps; None if nobody can tell.
        is_bound: returns True if Kubernetes has bound a pod to this node.
    """
    named = [x for x in leases if x.pod.uid]
    if kept is None or not any(x.pod.uid in kept for x in named):
        return []
    return [x for x in named if x.pod.uid not in kept and not is_bound(x.pod)]
