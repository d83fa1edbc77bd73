"""What goes back to the cloud: addresses, blocks, VNICs, fixed addresses.

Intent and answer (decision 10): that something goes back is in the journal before the
cloud is asked.  Whatever happens then, it serves nobody until the cloud has been asked
what became of it.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog
import trio

from vcnd.core.states import State
from vcnd.flow.changes import Changes, texts
from vcnd.flow.pool import Pool
from vcnd.model.errors import CloudError, JournalError
from vcnd.model.ids import VnicId
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

log = structlog.get_logger()

SETTLE_SECONDS = 30.0
"""A return that nobody works on may still be carried out for so long: OCI deletes in
bulk behind the answer."""


class Returns:
    """Carries out one return at a time and place; its caller sees to that."""

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
        """Addresses whose deletion is under way: no audit judges them."""
        self.being_detached: set[VnicId] = set()
        """VNICs whose detachment is under way: likewise."""
        self._unsettled: dict[str, float] = {}
        """Returns that perhaps were carried out, by first address or VNIC, and since
        when nobody works on them."""

    def resume(self, recovered: RecoveredState) -> None:
        """Let serve nobody what an earlier life was about to give back."""
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
        """Take a fixed address that no pod has from its VNIC; it lives on."""
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
        """Give wholly free objects of one VNIC back to the subnet."""
        to_delete = self._take_out(private_ips)
        if not to_delete:
            return True  # a pod was quicker
        async with self._returning(to_delete):
            await self._cloud.delete_addresses(vnic_id, to_delete)
            await self.forget(to_delete)
        log.info("addresses_deleted", addresses=texts(to_delete))
        return True

    async def detach_vnic(self, vnic_id: VnicId) -> bool:
        """Give a VNIC whose addresses are all free back, and them with it."""
        pool = self._pool
        held = pool.ledger.per_vnic().get(vnic_id, [])
        to_delete = self._take_out(held)
        if len(to_delete) < len(held):
            for private_ip in to_delete:
                pool.ledger.keep(private_ip)
            return True  # a pod was quicker
        await self.give_back_vnic(vnic_id, to_delete)
        await self._changes.apply()
        log.info("vnic_detached", vnic=vnic_id, addresses=texts(to_delete))
        return True

    async def give_back_vnic(
        self, vnic_id: VnicId, to_delete: Sequence[PrivateIp]
    ) -> None:
        """Detach a VNIC; its objects are marked as deleting, and go with it."""
        async with self._returning(to_delete, vnic_id):
            # Its addresses are EPHEMERAL: they go with it, in one call.
            await self._cloud.detach_vnic(vnic_id)
            await self.forget(self._pool.ledger.per_vnic().get(vnic_id, []))
            await self._vnic_gone(vnic_id)

    def _take_out(self, private_ips: Sequence[PrivateIp]) -> list[PrivateIp]:
        """Mark those as deleting that are still wholly free."""
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
        """Write down what the body gives back; doubt it where that fails."""
        addresses = tuple(p.address for p in to_delete)
        places = (*addresses, *([] if vnic_id is None else [vnic_id]))
        self.being_deleted.update(addresses)
        if vnic_id is not None:
            self.being_detached.add(vnic_id)
        try:
            await self._intend(to_delete, vnic_id)
            yield
        except CloudError:
            # Perhaps some are gone.  None serves anybody until an audit has asked.
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
        """Return True if a return that was given up is carried out no more.

        Args:
            place: first address of an object, or a VNIC.
        """
        if place in self.being_deleted or place in self.being_detached:
            return False
        since = self._unsettled.get(place, 0.0)
        return trio.current_time() - since >= SETTLE_SECONDS

    async def settle_kept(
        self, kept: Sequence[PrivateIp], vnics: Sequence[VnicId]
    ) -> None:
        """Let serve what was to be given back and is still there."""
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
        """Strike out what the cloud no longer gives us; return what was known.

        It stays in the ledger until that is durable, so that nothing of the same
        address can come in between.
        """
        ledger = self._pool.ledger
        await self._journal.append(*(AddressForgotten(p.address) for p in gone))
        known = [p for p in gone if ledger.private_ip(p.address) == p]
        for private_ip in known:
            ledger.forget(private_ip)
            self._unsettled.pop(private_ip.address, None)
        self._pool.deleted.note(p.id for p in known)
        return known

    async def _vnic_gone(self, vnic_id: VnicId) -> None:
        pool = self._pool
        pool.forget_vnic(vnic_id)
        pool.vnics.detached(vnic_id)
        await self._journal.append(VnicForgotten(vnic_id))
