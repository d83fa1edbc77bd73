"""How ledger and cloud differ, by one list of the cloud; nothing is changed."""

from collections.abc import Set as AbstractSet

from vcnd.core.drift import (
    Adopt,
    AdoptVnic,
    CloudDrift,
    CloudRepair,
    ForgetVnic,
    RestoreTags,
    cloud_drift,
    nsg_drift,
)
from vcnd.flow.pool import Pool
from vcnd.flow.returns import Returns
from vcnd.model.ids import PrivateIpId, VnicId
from vcnd.model.vnic import CloudView, PrivateIp


class CloudComparison:
    """Compares the ledger with lists of the cloud.

    Objects created or deleted during the request would look like differences: only
    objects known before and after it, or new ones, are judged.
    """

    def __init__(self, pool: Pool, returns: Returns) -> None:
        self._pool = pool
        self._returns = returns

    def everything(
        self,
        view: CloudView,
        before: AbstractSet[PrivateIpId],
        slots: AbstractSet[VnicId],
    ) -> list[CloudDrift]:
        """Return all differences.

        Args:
            view: the list.
            before: the addresses that were known before it was requested.
            slots: the VNICs, likewise.
        """
        pool = self._pool
        settled = pool.conditions.network_settled
        return [
            *self._vnics(view, slots),
            *(r for r in self.addresses(view, before) if not self._is_ours(r)),
            *(RestoreTags(v.id) for v in view.untagged_vnics),
            *(RestoreTags(p.address) for p in view.untagged_ips),
            *(nsg_drift(view, pool.demand.classes()) if settled else ()),
        ]

    def _is_ours(self, repair: CloudRepair) -> bool:
        """Return True if an object was created here, and so lately that lists lag."""
        known = repair.private_ip.id in self._pool.ledger.ids()
        return isinstance(repair, Adopt) and known

    def _vnics(
        self, view: CloudView, before: AbstractSet[VnicId]
    ) -> list[AdoptVnic | ForgetVnic]:
        pool, now = self._pool, self._pool.vnics.slots.keys()
        listed = {v.id for v in view.pod_vnics} | {view.primary.id}
        settling = {v for v in listed | before if pool.is_young(v)}
        settling |= self._returns.being_detached
        return [
            *(AdoptVnic(v) for v in sorted(listed - before - now - settling)),
            *(ForgetVnic(v) for v in sorted((before & now) - listed - settling)),
        ]

    def addresses(
        self, view: CloudView, before: AbstractSet[PrivateIpId]
    ) -> list[CloudRepair]:
        """Return the differences of addresses and blocks."""
        pool, ledger = self._pool, self._pool.ledger
        asked = {v.id for v in view.pod_vnics}
        known = [
            p
            for p in ledger.private_ips()
            if p.id in before
            # The journal may have lost a VNIC and kept its addresses.
            and (p.vnic_id in asked or p.vnic_id not in pool.vnics.slots)
            and p.family not in view.unlisted
            and p.id not in pool.created
            and p.address not in self._returns.being_deleted
        ]
        return cloud_drift(
            books=known,
            cloud=[p for p in view.private_ips if self.may_adopt(p, before)],
            leased={a for x in ledger.leases() for a in x.addresses},
        )

    def may_adopt(
        self, private_ip: PrivateIp, before: AbstractSet[PrivateIpId]
    ) -> bool:
        """Return False for a listed object that is being deleted, or just was."""
        pool = self._pool
        deleted = private_ip.id in before - pool.ledger.ids()
        detached = private_ip.vnic_id in self._returns.being_detached
        there = private_ip.vnic_id in pool.vnics.slots and not detached
        if private_ip.id in pool.ledger.ids():
            held = pool.ledger.private_ip(private_ip.address)
            moved = held is not None and held.vnic_id != private_ip.vnic_id
            return there or not moved
        return there and not deleted and private_ip.id not in pool.deleted
