"""Pods whose network cannot work now, and why.

What a user would want to know is told from here: CNI CHECK, ``vcndctl status`` and
the events in Kubernetes use the same list and the same words.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from vcnd.flow.pool import Pool
from vcnd.model.ids import VnicId
from vcnd.model.sandbox import Lease


class Cause(StrEnum):
    """What is missing under a pod."""

    ADDRESS_GONE = "address_gone"
    """The cloud no longer gives the pod's address to this node."""
    VNIC_GONE = "vnic_gone"
    """The VNIC of the pod's address is no longer attached."""
    LINK_MISSING = "link_missing"
    """The VNIC of the pod's address has no link on the node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenPod:
    """A pod whose network cannot work."""

    lease: Lease
    address: str
    """The address that cannot work: the lease's first or second one."""
    cause: Cause
    vnic_id: VnicId | None = None
    """Its VNIC, where that is known."""

    @property
    def reason(self) -> str:
        """Return in words what is wrong and what to do."""
        match self.cause:
            case Cause.ADDRESS_GONE:
                return (
                    f"{self.address} is no longer a private IP of this node in OCI;"
                    " delete the pod, and it gets another one"
                )
            case Cause.VNIC_GONE:
                return (
                    f"VNIC {self.vnic_id} of {self.address} is no longer attached to"
                    " this instance; delete the pod, and it gets another address"
                )
            case Cause.LINK_MISSING:
                return (
                    f"VNIC {self.vnic_id} of {self.address} has no link on the node:"
                    " was it detached, or its interface removed? Delete the pod if"
                    " the link does not come back"
                )
            case _:
                assert_never(self.cause)


def broken_pods(pool: Pool) -> list[BrokenPod]:
    """Return every pod whose network cannot work now, by sandbox."""
    found = (broken(pool, lease) for lease in pool.ledger.leases())
    return sorted((b for b in found if b is not None), key=lambda b: b.lease.key)


def broken(pool: Pool, lease: Lease) -> BrokenPod | None:
    """Return what is wrong under a lease, or None."""
    for address in lease.addresses:
        private_ip = pool.ledger.private_ip(address)
        if private_ip is None:
            return BrokenPod(lease=lease, address=address, cause=Cause.ADDRESS_GONE)
        vnic_id = private_ip.vnic_id
        cause: Cause | None = None
        if vnic_id not in pool.vnics.slots:
            cause = Cause.VNIC_GONE
        elif vnic_id in pool.vnics.unlinked:
            cause = Cause.LINK_MISSING
        if cause is not None:
            return BrokenPod(lease=lease, address=address, cause=cause, vnic_id=vnic_id)
    return None
