"""Broken pods: pods whose network cannot work now.

CNI CHECK, ``vcndctl status`` and the events in Kubernetes use the same list, and the
same words (``flow.reasons``).
"""

from typing import Literal

import msgspec

from vcnd.flow.pool import Pool
from vcnd.model.cause import Cause
from vcnd.model.ids import VnicId
from vcnd.model.sandbox import Lease

BrokenCause = Literal[Cause.ADDRESS_GONE, Cause.VNIC_GONE, Cause.LINK_MISSING]
"""Causes of a broken pod."""


class BrokenPod(msgspec.Struct, frozen=True, kw_only=True):
    """A pod whose network cannot work."""

    lease: Lease
    address: str
    """The address of the lease that cannot work."""
    cause: BrokenCause
    vnic_id: VnicId | None = None
    """Its VNIC, if known."""


def broken_pods(pool: Pool) -> list[BrokenPod]:
    """Return every pod whose network cannot work now, by sandbox."""
    found = (broken(pool, lease) for lease in pool.ledger.leases())
    return sorted((b for b in found if b is not None), key=lambda b: b.lease.key)


def broken(pool: Pool, lease: Lease) -> BrokenPod | None:
    """Return why a lease's pod is broken, or None."""
    for address in lease.addresses:
        private_ip = pool.ledger.private_ip(address)
        if private_ip is None:
            return BrokenPod(lease=lease, address=address, cause=Cause.ADDRESS_GONE)
        vnic_id = private_ip.vnic_id
        cause: BrokenCause | None = None
        if vnic_id not in pool.vnics.slots:
            cause = Cause.VNIC_GONE
        elif vnic_id in pool.vnics.unlinked:
            cause = Cause.LINK_MISSING
        if cause is not None:
            return BrokenPod(lease=lease, address=address, cause=cause, vnic_id=vnic_id)
    return None
