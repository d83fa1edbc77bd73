"""Releases to the cloud: addresses, blocks, VNICs, fixed addresses.

Intent and answer (decision 10): the intent is in the journal before the request is
sent.  Whatever happens then, the object serves no pod until an audit has found the
outcome.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import trio

from vcnd.core.states import State
from vcnd.core.unsettled import Unsettled
from vcnd.flow.changes import Changes, texts
from vcnd.flow.pool import Pool
from vcnd.log import log
from vcnd.model.cause import Cause
from vcnd.model.errors import (
    CloudError,
    CloudRefusedError,
    JournalError,
    VcndError,
)
from vcnd.model.ids import VnicId
from vcnd.model.place import release_place
from vcnd.model.records import (
    AddressAdded,
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
from vcnd.model.vnic import BULK_FROM, PrivateIp
from vcnd.ports import Cloud, Journal

Works = dict[str, str | None]
"""Objects, by first address, each with its work request as in ``ReturnIntended``."""


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
        self._unsettled = Unsettled()

    def resume(self, recovered: RecoveredState) -> None:
        """Withhold objects that an earlier life was about to release."""
        ledger, now = self._pool.ledger, trio.current_time()
        for address, work in recovered.returning.items():
            private_ip = ledger.private_ip(address)
            if private_ip is None:
                continue
            if any(ledger.state(a) is State.LEASED for a in private_ip.addresses):
                ledger.doubt(private_ip)
            else:
                ledger.mark_deleting(private_ip)
            self._unsettled.abandon(address, work, now)
        for vnic_id in recovered.detaching:
            self._pool.vnics.start_detaching(vnic_id)
            self._unsettled.abandon(vnic_id, None, now)

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
        # Many are deleted by a work request, which goes on after the answer.
        work = None if len(to_delete) < BULK_FROM else ""
        async with self._returning(to_delete, work=work) as works:
            begun = partial(self._note_work, works)
            await self._cloud.delete_addresses(vnic_id, to_delete, begun)
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
        async with self._returning(to_delete, vnic_id=vnic_id):
            # Its addresses are EPHEMERAL: they go with it, in one call.
            await self._cloud.detach_vnic(vnic_id)
            await self.forget(self._pool.ledger.per_vnic().get(vnic_id, []))
            await self._vnic_gone(vnic_id)

    def _take_out(self, private_ips: Sequence[PrivateIp]) -> list[PrivateIp]:
        """Mark the objects as deleting that are still wholly free."""
        ledger = self._pool.ledger
        spare = set(ledger.releasable())
        to_delete = [p for p in private_ips if p in spare]
        for private_ip in to_delete:
            ledger.mark_deleting(private_ip)
        return to_delete

    @asynccontextmanager
    async def _returning(
        self,
        to_delete: Sequence[PrivateIp],
        *,
        vnic_id: VnicId | None = None,
        work: str | None = None,
    ) -> AsyncIterator[Works]:
        """Record the intent of the body's release; doubt the objects if it fails.

        The body notes the work requests that it hears of.
        """
        works: Works = dict.fromkeys((p.address for p in to_delete), work)
        self.being_deleted.update(works)
        if vnic_id is not None:
            self.being_detached.add(vnic_id)
        try:
            await self._intend(to_delete, vnic_id, work)
            try:
                yield works
            except VcndError as error:
                # A request that has begun is answered so, also when it is repeated.
                begun = not isinstance(error, CloudRefusedError)
                begun = begun and error.cause is not Cause.BUSY
                self._abandon(works, vnic_id, begun=begun)
                raise
        finally:
            self.being_deleted.difference_update(works)
            if vnic_id is not None:
                self.being_detached.discard(vnic_id)

    def _abandon(self, works: Works, vnic_id: VnicId | None, *, begun: bool) -> None:
        """Withhold what may be gone until an audit: none serves a pod before."""
        now = trio.current_time()
        for address, work in works.items():
            self._unsettled.abandon(address, work if work or begun else None, now)
        if vnic_id is not None and vnic_id in self._pool.vnics.slots:
            self._unsettled.abandon(vnic_id, None, now)
            self._pool.vnics.start_detaching(vnic_id)
        self._pool.signals.request_audit()

    async def _intend(
        self,
        to_delete: Sequence[PrivateIp],
        vnic_id: VnicId | None,
        work: str | None,
    ) -> None:
        records: list[Record] = []
        if to_delete:
            records.append(ReturnIntended(tuple(p.address for p in to_delete), work))
        if vnic_id is not None:
            records.append(DetachIntended(vnic_id))
        try:
            await self._journal.append(*records)
        except JournalError:
            for private_ip in to_delete:  # nothing was sent
                self._pool.ledger.keep(private_ip)
            raise

    async def _note_work(
        self, works: Works, work: str | None, deleted: Sequence[PrivateIp]
    ) -> None:
        """Remember which work request deletes objects, for a later life too."""
        addresses = tuple(p.address for p in deleted)
        works |= dict.fromkeys(addresses, work)
        try:
            await self._journal.append(ReturnIntended(addresses, work))
        except JournalError as error:
            # It goes on all the same; another life would only withhold them longer.
            log.warning("work_not_recorded", work=work, reason=str(error))

    async def ask(self, urgency: Urgency) -> None:
        """Ask whether the work requests of abandoned releases have ended.

        To be asked before the list: the list may be older than the end.
        """
        for work in self._unsettled.works():
            try:
                ended = await self._cloud.at(urgency).has_ended(work)
            except CloudError as error:
                log.warning("work_not_confirmed", work=work, reason=str(error))
            else:
                self._unsettled.heard(work, trio.current_time(), ended=ended)

    def may_settle(self, place: str) -> bool:
        """Return True if an abandoned release cannot be carried out any more.

        Args:
            place: first address of an object, or a VNIC.
        """
        if place in self.being_deleted or place in self.being_detached:
            return False
        return self._unsettled.is_over(place, trio.current_time())

    def settles_in(self) -> float:
        """Return in how many seconds the next abandoned release can be settled.

        Infinite if there is none; those that could be settled before do not count.
        """
        return self._unsettled.next_in(trio.current_time())

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
            self._unsettled.settle(private_ip.address)
        for vnic_id in vnics:
            self._pool.vnics.stop_detaching(vnic_id)
            self._unsettled.settle(vnic_id)
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
            if self._unsettled.settle(private_ip.address):
                # Its return was refused, or not answered, and was carried out.
                self._pool.problems.clear(release_place(private_ip.vnic_id))
        self._pool.deleted.note(p.id for p in known)
        return known

    async def follow(self, old: PrivateIp, new: PrivateIp) -> None:
        """Note that others moved an object from one of our VNICs to another.

        What no pod holds rests as if it had come back: it was withheld, and nobody
        knows whether it was cooling.
        """
        ledger, now = self._pool.ledger, trio.current_time()
        await self._journal.append(AddressAdded(new))
        if ledger.private_ip(old.address) != old:
            return
        ledger.forget(old)
        ledger.add(new)
        self._unsettled.settle(old.address)
        for address in new.addresses if not new.fixed else ():
            if ledger.state(address) is State.FREE:
                until = now + self._pool.policy.cooling_seconds
                ledger.restore_cooldown(address, until)

    async def _vnic_gone(self, vnic_id: VnicId) -> None:
        pool = self._pool
        pool.forget_vnic(vnic_id)
        pool.vnics.detached(vnic_id)
        await self._journal.append(VnicForgotten(vnic_id))
