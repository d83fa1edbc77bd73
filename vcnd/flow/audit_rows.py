"""Differences in words, as ``vcndctl audit`` shows them.  Pure."""

from collections.abc import Mapping
from typing import assert_never

from vcnd.core.drift import (
    Adopt,
    AdoptVnic,
    CloudDrift,
    EndLease,
    Forget,
    ForgetVnic,
    KernelRepair,
    Moved,
    ReapLink,
    RestoreLease,
    RestoreTags,
    SetNsgs,
)
from vcnd.flow.kernel_audit import GONE_SECONDS
from vcnd.model.audit import Difference, Witness
from vcnd.model.drift import Drift, DriftKind
from vcnd.model.sandbox import Lease
from vcnd.model.vnic import PrivateIp


def of_kernel(drift: Drift) -> Difference:
    """Return the row of a part of the kernel's state."""
    return Difference(
        witness=Witness.KERNEL,
        kind=drift.kind,
        what=drift.what,
        wanted=drift.wanted,
        found=drift.found,
        repair="set it again" if drift.wanted else "delete it",
    )


def of_links(repair: KernelRepair) -> Difference:
    """Return the row of a difference between leases and links."""
    match repair:
        case ReapLink(host_ifname):
            return Difference(
                witness=Witness.KERNEL,
                kind=DriftKind.ORPHAN_LINK,
                what=host_ifname,
                found="a link that carries no pod",
                repair="delete the link",
            )
        case RestoreLease(lease):
            return Difference(
                witness=Witness.KERNEL,
                kind=DriftKind.LOST_LEASE,
                what=_named(lease),
                found=f"a pod at {lease.host_ifname}",
                pod=str(lease.pod),
                repair="restore the lease",
            )
        case EndLease(lease):
            return Difference(
                witness=Witness.KERNEL,
                kind=DriftKind.SANDBOX,
                what=_named(lease),
                wanted=lease.host_ifname,
                pod=str(lease.pod),
                repair="end the lease",
            )
        case _:
            assert_never(repair)


def of_runtime(lease: Lease, since: float, now: float) -> Difference:
    """Return the row of a lease whose pod the kubelet does not keep.

    Args:
        lease: the lease.
        since: when that was found first.
        now: the time.
    """
    left = max(0.0, since + GONE_SECONDS - now)
    return Difference(
        witness=Witness.RUNTIME,
        kind=DriftKind.SANDBOX,
        what=_named(lease),
        wanted="a cgroup of its pod",
        pod=str(lease.pod),
        since_seconds=round(now - since, 1),
        repair=f"end the lease, if it is still so in {left:.0f} s",
    )


def of_kubernetes(lease: Lease) -> Difference:
    """Return the row of a lease whose pod Kubernetes has not bound here."""
    return Difference(
        witness=Witness.KUBERNETES,
        kind=DriftKind.POD,
        what=_named(lease),
        wanted="a pod bound to this node",
        pod=str(lease.pod),
        repair="",
    )


def of_cloud(drift: CloudDrift, pods: Mapping[str, Lease]) -> Difference:
    """Return the row of a difference between ledger and cloud.

    Args:
        drift: the difference.
        pods: leases by address.
    """
    match drift:
        case Adopt(private_ip):
            return Difference(
                witness=Witness.CLOUD,
                kind=DriftKind.CLOUD_ADDRESS,
                what=private_ip.notation,
                found=f"on {private_ip.vnic_id}",
                repair="adopt it",
            )
        case Forget(private_ip, leased):
            lost = "; its pods have lost their network" if leased else ""
            return Difference(
                witness=Witness.CLOUD,
                kind=DriftKind.CLOUD_ADDRESS,
                what=private_ip.notation,
                wanted=f"on {private_ip.vnic_id}",
                pod=_holders(private_ip, pods),
                repair=f"forget it, if a direct question finds it gone{lost}",
            )
        case Moved(private_ip, now):
            return Difference(
                witness=Witness.CLOUD,
                kind=DriftKind.CLOUD_ADDRESS,
                what=private_ip.notation,
                wanted=f"on {private_ip.vnic_id}",
                found=f"on {now.vnic_id}",
                pod=_holders(private_ip, pods),
                repair="follow it, if a direct question finds it there",
            )
        case AdoptVnic(vnic_id):
            return Difference(
                witness=Witness.CLOUD,
                kind=DriftKind.CLOUD_VNIC,
                what=vnic_id,
                found="attached",
                repair="adopt it",
            )
        case ForgetVnic(vnic_id):
            return Difference(
                witness=Witness.CLOUD,
                kind=DriftKind.CLOUD_VNIC,
                what=vnic_id,
                wanted="attached",
                repair="forget it, if a second witness finds it gone",
            )
        case SetNsgs(vnic_id, nsg_ids):
            return Difference(
                witness=Witness.CLOUD,
                kind=DriftKind.NSGS,
                what=vnic_id,
                wanted=", ".join(nsg_ids) or "no NSGs",
                found="others",
                repair="set them",
            )
        case RestoreTags(what):
            return Difference(
                witness=Witness.CLOUD,
                kind=DriftKind.TAGS,
                what=what,
                wanted="vcnd's tags",
                repair="add them",
            )
        case _:
            assert_never(drift)


def _holders(private_ip: PrivateIp, pods: Mapping[str, Lease]) -> str:
    holders = (pods.get(a) for a in private_ip.addresses)
    return ", ".join(str(x.pod) for x in holders if x is not None)


def _named(lease: Lease) -> str:
    return f"{' '.join(lease.addresses)} of {lease.key}"
