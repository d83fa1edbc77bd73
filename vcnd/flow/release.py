"""Releases everything to the cloud, on a drained node."""

import trio

from vcnd.core.recent import RECENT_SECONDS
from vcnd.flow.changes import Changes
from vcnd.flow.cloud_audit import CloudAudit
from vcnd.flow.conditions import Phase
from vcnd.flow.pool import Pool
from vcnd.flow.returns import Returns
from vcnd.flow.warm_pool import WarmPool
from vcnd.log import log
from vcnd.model.errors import BadRequestError, TryAgainError
from vcnd.ports import Host, Journal

LOOK_SECONDS = 2.0


class Release:
    """Releases all VNICs and addresses while nothing else changes the cloud."""

    def __init__(
        self,
        *,
        pool: Pool,
        host: Host,
        journal: Journal,
        warm_pool: WarmPool,
        cloud_audit: CloudAudit,
        changes: Changes,
        returns: Returns,
    ) -> None:
        self._pool = pool
        self._host = host
        self._journal = journal
        self._warm_pool = warm_pool
        self._cloud_audit = cloud_audit
        self._changes = changes
        self._returns = returns

    async def run(self) -> None:
        """Release everything; no ADD gets an address from now on.

        Leaves the kernel as it was before vcnd, and no journal.

        Raises:
            BadRequestError: pods hold addresses; nothing was changed.
            VcndError: the rest could not be released.  The node goes on as before; if
                its VNICs are gone it does not, and another call releases the rest.
        """
        self._refuse_if_held()
        before = self._pool.conditions.phase
        self._pool.conditions.enter(Phase.RELEASING)
        try:
            await self._warm_pool.freeze()
            await self._know_all()
            async with self._cloud_audit.paused():
                await self._release_vnics()
        except BaseException:
            if self._pool.conditions.phase is Phase.RELEASING:
                self._pool.conditions.enter(before)
            if self._pool.conditions.phase is not Phase.RELEASED:
                self._warm_pool.resume()
            raise

    async def _know_all(self) -> None:
        """Compare with the cloud, so that no VNIC stays there that only OCI knows.

        Raises:
            CloudError: it cannot be had.
            TryAgainError: a VNIC is still being attached.
        """
        pool = self._pool
        if not pool.conditions.observed:
            await self._cloud_audit.reconcile()
        if not self._changes.attach_unsettled:
            return
        # An earlier life of the daemon got no answer, and lists may omit the VNIC.
        known = {slot.vnic.id for slot in pool.vnics.pod_slots}
        give_up_at = trio.current_time() + RECENT_SECONDS
        while {slot.vnic.id for slot in pool.vnics.pod_slots} <= known:
            if trio.current_time() > give_up_at:
                break
            await trio.sleep(LOOK_SECONDS)
            await self._cloud_audit.reconcile()
        if self._cloud_audit.attaching:
            raise TryAgainError("a VNIC is being attached to this node")

    def _refuse_if_held(self) -> None:
        held = self._pool.ledger.leases()
        if held:
            raise BadRequestError(
                f"{len(held)} pods hold addresses of this node",
                details="drain the node first: kubectl drain",
            )

    async def _release_vnics(self) -> None:
        pool, ledger = self._pool, self._pool.ledger
        self._refuse_if_held()  # an ADD may have been in flight
        for slot in pool.vnics.pod_slots:
            held = ledger.per_vnic().get(slot.vnic.id, [])
            to_delete = [p for p in held if ledger.why_withheld(p) is None]
            for private_ip in to_delete:
                ledger.mark_deleting(private_ip)  # cooling addresses too
            await self._returns.release_vnic(slot.vnic.id, to_delete)
        pool.conditions.enter(Phase.RELEASED)
        await self._host.withdraw()
        self._journal.remove()
        log.info("node_released")
