"""Releases to the cloud: addresses, blocks, VNICs, fixed addresses.

Intent and answer (decision 10): the intent is in the journal before the request is
sent.  Whatever happens then, the object serves no pod until an audit has found the
outcome.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from math import inf

import trio

from vcnd.core.states import State
from vcnd.flow.changes import Changes, texts
from vcnd.flow.pool import Pool
from vcnd.log import log
from vcnd.model.errors import CloudError, JournalError, VcndError
from vcnd.model.ids import VnicId
from vcnd.model.place import release_place
from vcnd.model.records import (
    AddressForgotten,
    DetachIntended,
    DetachSettled,
    Record,
    RecoveredState,
    ReturnIntended,
    ReturnSettled,
    VnicForgotten,
)
from vcnd.model.urgency import Urgency
from vcnd.model.vnic import PrivateIp
from vcnd.ports import Cloud, Journal

SETTLE_SECONDS = 90.0
"""An abandoned release may still be carried out for this long: Oracle's own code
allows a request 55 s (docs/oci.md#rates-and-latencies), and bulk deletions go on after
the answer."""


class Returns:
    """Carries out releases; the caller lets one at a time run at each place."""

    def __init__(
        self,
        *,
        pool: Pool,
        cloud: Cloud,
        journal: Journal,
        changes: Changes,
    ) -> None:
        self._pool = pool
        self._cloud = cloud.at(Urgency.RELEASE)
        self._journal = journal
        self._changes = changes
        self.being_deleted: set[str] = set()
        """Addresses whose deletion is in flight: no audit judges them."""
        self.being_detached: set[VnicId] = set()
        """VNICs whose detachment is in flight: no audit judges them."""
        self._unsettled: dict[str, float] = {}
        """Releases with an unknown outcome, by first address or VNIC, with the time at
        which they were abandoned."""

    def resume(self, recovered: RecoveredState) -> None:
        """Withhold objects that an earlier life was about to release."""
        ledger, now = self._pool.ledger, trio.current_time()
        for address in recovered.returning:
            private_ip = ledger.private_ip(address)
            if private_ip is None:
                continue
            if any(ledger.state(a) is State.LEASED for a in private_ip.addresses):
                ledger.doubt(private_ip)
            else:
                ledger.mark_deleting(private_ip)
            self._unsettled[address] = now
        for vnic_id in recovered.detaching:
            self._pool.vnics.start_detaching(vnic_id)
            self._unsettled[vnic_id] = now

    async def release_fixed(self, private_ip: PrivateIp) -> bool:
        """Detach an unused fixed address from its VNIC; it stays in the subnet."""
        if self._pool.ledger.state(private_ip.address) is not State.FREE:
            return True  # a pod was quicker
        self._pool.ledger.mark_deleting(private_ip)
        async with self._returning([private_ip]):
            await self._cloud.release_fixed(private_ip)
            await self.forget([private_ip])
        log.info(
            "fixed_address_released",
            name=private_ip.fixed,
            address=private_ip.address,
        )
        return True

    async def delete_addresses(
        self, vnic_id: VnicId, private_ips: Sequence[PrivateIp]
    ) -> bool:
        """Delete wholly free objects of one VNIC."""
        to_delete = self._take_out(private_ips)
        if not to_delete:
            return True  # a pod was quicker
        async with self._returning(to_delete):
            await self._cloud.delete_addresses(vnic_id, to_delete)
            await self.forget(to_delete)
        log.info("addresses_deleted", addresses=texts(to_delete))
        return True

    async def detach_vnic(self, vnic_id: VnicId) -> bool:
        """Detach a VNIC whose addresses are all free."""
        pool = self._pool
        if vnic_id in pool.ledger.vnics_leased():
            return True  # a pod was quicker, or its address is gone from the cloud
        held = pool.ledger.per_vnic().get(vnic_id, [])
        to_delete = self._take_out(held)
        if len(to_delete) < len(held):
            for private_ip in to_delete:
                pool.ledger.keep(private_ip)
            return True  # a pod was quicker
        await self.release_vnic(vnic_id, to_delete)
        try:
            await self._changes.apply()
        except VcndError as error:
            # The VNIC is gone all the same, and the host tries again by itself.
            log.error("kernel_state_not_restored", reason=str(error))
        log.info("vnic_detached", vnic=vnic_id, addresses=texts(to_delete))
        return True

    async def release_vnic(
        self, vnic_id: VnicId, to_delete: Sequence[PrivateIp]
    ) -> None:
        """Detach a VNIC; its objects are marked as deleting, and go with it."""
        async with self._returning(to_delete, vnic_id):
            # Its addresses are EPHEMERAL: they go with it, in one call.
            await self._cloud.detach_vnic(vnic_id)
            await self.forget(self._pool.ledger.per_vnic().get(vnic_id, []))
            await self._vnic_gone(vnic_id)

    def _take_out(self, private_ips: Sequence[PrivateIp]) -> list[PrivateIp]:
        """Mark the objects as deleting that are still wholly free."""
        ledger = self._pool.ledger
        spare = {p.address for p in ledger.releasable()}
        to_delete = [p for p in private_ips if p.address in spare]
        for private_ip in to_delete:
            ledger.mark_deleting(private_ip)
        return to_delete

    @asynccontextmanager
    async def _returning(
        self, to_delete: Sequence[PrivateIp], vnic_id: VnicId | None = None
    ) -> AsyncIterator[None]:
        """Record the intent of the body's release; doubt the objects if it fails."""
        addresses = tuple(p.address for p in to_delete)
        places = (*addresses, *([] if vnic_id is None else [vnic_id]))
        self.being_deleted.update(addresses)
        if vnic_id is not None:
            self.being_detached.add(vnic_id)
        try:
            await self._intend(to_delete, vnic_id)
            yield
        except CloudError:
            # Some may be gone.  None serves a pod until an audit.
            self._unsettled |= dict.fromkeys(places, trio.current_time())
            if vnic_id is not None:
                self._pool.vnics.start_detaching(vnic_id)
            self._pool.signals.request_audit()
            raise
        finally:
            self.being_deleted.difference_update(addresses)
            if vnic_id is not None:
                self.being_detached.discard(vnic_id)

    async def _intend(
        self, to_delete: Sequence[PrivateIp], vnic_id: VnicId | None
    ) -> None:
        records: list[Record] = []
        if to_delete:
            records.append(ReturnIntended(tuple(p.address for p in to_delete)))
        if vnic_id is not None:
            records.append(DetachIntended(vnic_id))
        try:
            await self._journal.append(*records)
        except JournalError:
            for private_ip in to_delete:  # nothing was sent
                self._pool.ledger.keep(private_ip)
            raise

    def may_settle(self, place: str) -> bool:
        """Return True if an abandoned release cannot be carried out any more.

        Args:
            place: first address of an object, or a VNIC.
        """
        if place in self.being_deleted or place in self.being_detached:
            return False
        since = self._unsettled.get(place, 0.0)
        return trio.current_time() - since >= SETTLE_SECONDS

    def settles_in(self) -> float:
        """Return in how many seconds the next abandoned release can be settled.

        Infinite if there is none; those that could be settled before do not count.
        """
        now = trio.current_time()
        left = (since + SETTLE_SECONDS - now for since in self._unsettled.values())
        return min((seconds for seconds in left if seconds > 0), default=inf)

    async def settle_kept(
        self, kept: Sequence[PrivateIp], vnics: Sequence[VnicId]
    ) -> None:
        """End the withholding of objects that were to be released and still exist."""
        records: list[Record] = [DetachSettled(v) for v in vnics]
        if kept:
            records.append(ReturnSettled(tuple(p.address for p in kept)))
        await self._journal.append(*records)
        for private_ip in kept:
            self._pool.ledger.keep(private_ip)
            self._unsettled.pop(private_ip.address, None)
        for vnic_id in vnics:
            self._pool.vnics.stop_detaching(vnic_id)
            self._unsettled.pop(vnic_id, None)
        if kept:
            log.warning("deletion_abandoned", addresses=texts(kept))
            self._pool.signals.arrived()

    async def forget(self, gone: Sequence[PrivateIp]) -> list[PrivateIp]:
        """Forget an object that the cloud no longer gives us; return it.

        It stays in the ledger until the record is durable, so that no object of the
        same address can be added in between.
        """
        ledger = self._pool.ledger
        await self._journal.append(*(AddressForgotten(p.address) for p in gone))
        known = [p for p in gone if ledger.private_ip(p.address) == p]
        for private_ip in known:
            ledger.forget(private_ip)
            if self._unsettled.pop(private_ip.address, None) is not None:
                # Its return was refused, or not answered, and was carried out.
                self._pool.problems.clear(release_place(private_ip.vnic_id))
        self._pool.deleted.note(p.id for p in known)
        return known

    async def _vnic_gone(self, vnic_id: VnicId) -> None:
        pool = self._pool
        pool.forget_vnic(vnic_id)
        pool.vnics.detached(vnic_id)
        await self._journal.append(VnicForgotten(vnic_id))
