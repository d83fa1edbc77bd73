"""Compare ledger and kernel with the cloud, and correct them.

An object under a running pod is forgotten only when two witnesses agree: the cloud's
list and a direct read, or the cloud's list and the kernel (decision 9).  Until then it
is kept, serves no new pod, and is read again soon.
"""

from collections.abc import Set as AbstractSet

import trio

from vcnd.core.drift import Adopt, CloudDrift, Forget, Moved, nsg_drift
from vcnd.core.states import State
from vcnd.flow.changes import Changes
from vcnd.flow.cloud_comparison import CloudComparison
from vcnd.flow.conditions import Phase
from vcnd.flow.kernel_audit import KernelAudit
from vcnd.flow.pool import Pool
from vcnd.flow.returns import Returns
from vcnd.flow.unread import tell_unread
from vcnd.log import log
from vcnd.model.drift import DriftKind
from vcnd.model.errors import CloudError, CloudRefusedError
from vcnd.model.ids import PrivateIpId, VnicId
from vcnd.model.place import AUDIT, TAGS, Place, PlaceKind
from vcnd.model.records import VnicForgotten, VnicNumbered
from vcnd.model.urgency import Urgency
from vcnd.model.vnic import CloudView, PrivateIp
from vcnd.ports import Cloud, Journal


class CloudAudit:
    """Compares the ledger with the cloud, one audit at a time."""

    def __init__(
        self,
        *,
        pool: Pool,
        cloud: Cloud,
        journal: Journal,
        kernel: KernelAudit,
        changes: Changes,
        returns: Returns,
    ) -> None:
        self._pool = pool
        self._cloud = cloud
        self._journal = journal
        self._kernel = kernel
        self._changes = changes
        self._returns = returns
        self._comparison = CloudComparison(pool, returns)
        self._looking = trio.Lock()
        self.attaching = 0
        """How many VNICs were being attached, by the latest list."""

    async def reconcile(self) -> None:
        """Observe the cloud, and correct ledger and kernel.

        Raises:
            CloudError: it cannot be had; nothing was changed.
        """
        async with self._looking:
            if self._pool.conditions.phase is not Phase.RELEASED:
                await self._reconcile()

    async def compare(self) -> list[CloudDrift]:
        """Return how ledger and cloud differ; nothing is changed.

        Raises:
            CloudError: the cloud cannot be had.
        """
        async with self._looking:
            pool = self._pool
            if pool.conditions.phase is Phase.RELEASED:
                return []
            before, slots = pool.ledger.ids(), set(pool.vnics.slots)
            view = await self._cloud.at(Urgency.AUDIT).observe(
                pool.demand.families(), pool.known()
            )
            return self._comparison.everything(view, before, slots)

    def paused(self) -> trio.Lock:
        """Return a context during which no audit of the cloud runs."""
        return self._looking

    @property
    def in_doubt(self) -> bool:
        """Return True if the last audit left objects in doubt."""
        ledger, vnics = self._pool.ledger, self._pool.vnics
        doubts = self._pool.in_doubt or vnics.detaching or ledger.unplaced()
        return bool(doubts) or any(
            ledger.why_withheld(p) is State.DELETING
            for p in ledger.private_ips()
            if p.address not in self._returns.being_deleted
        )

    def settles_in(self) -> float:
        """Return in how many seconds an audit can settle more (``Returns``)."""
        return self._returns.settles_in()

    @property
    def _urgency(self) -> Urgency:
        """Return an audit's urgency: everything waits for the first one."""
        return Urgency.AUDIT if self._pool.conditions.observed else Urgency.WAITING

    async def _reconcile(self) -> None:
        # Objects created or deleted during the request would look like drift: only
        # objects known before and after it, or new ones, are judged.
        pool, asked_at = self._pool, trio.current_time()
        before, slots = pool.ledger.ids(), set(pool.vnics.slots)
        with pool.tries.at(AUDIT):
            await self._returns.ask(self._urgency)
            view = await self._cloud.at(self._urgency).observe(
                pool.demand.families(), pool.known()
            )
        await self._take_in_vnics(view, slots)
        await self._take_in_addresses(view, before)
        self._kernel.adopt_restored()
        await self._changes.apply()
        pool.conditions.confirm(asked_at)
        tell_unread(pool.problems, view)
        pool.signals.ring()
        await self._correct_tags(view)
        if pool.conditions.network_settled:
            await self._correct_nsgs(view)

    # VNICs

    async def _take_in_vnics(
        self, view: CloudView, before: AbstractSet[VnicId]
    ) -> None:
        pool = self._pool
        came, went = pool.vnics.slots.keys() - before, before - pool.vnics.slots.keys()
        listed = {v.id: v for v in view.pod_vnics if v.id not in went}
        there = {*view.attached} - went
        self.attaching = view.attaching
        attached = view.attaching + len(there | came)
        pool.vnics.counted(attached=attached, limit=view.vnic_limit)
        self._doubt_vnics(view, before, listed.keys())
        for vnic_id in sorted(pool.vnics.doubted):
            if await self._is_vnic_gone(vnic_id, view):
                await self._forget_vnic(vnic_id)
        held = set(pool.vnics.slots)
        pool.vnics.add(view.primary, primary=True)
        for vnic in listed.values():
            if vnic.id in before and vnic.id not in pool.vnics.slots:
                continue  # given back while somebody was asked
            pool.vnics.add(vnic)
        # The journal may have lost them: they serve no pod until they are set up.
        new = {s.vnic.id for s in pool.vnics.pod_slots} - held
        pool.vnics.set_unlinked(pool.vnics.unlinked | new)
        unrecorded = pool.vnics.unrecorded
        await self._journal.append(*(VnicNumbered(s) for s in unrecorded))
        pool.vnics.note_recorded(unrecorded)
        unused = pool.vnics.unused_numbers(pool.ledger.vnics_leased())
        for vnic_id in unused:
            pool.vnics.free_number(vnic_id)
        await self._journal.append(*(VnicForgotten(v) for v in unused))

    def _doubt_vnics(
        self,
        view: CloudView,
        before: AbstractSet[VnicId],
        listed: AbstractSet[VnicId],
    ) -> None:
        """Note the VNICs that the list lacks, before the second witness is asked."""
        pool = self._pool
        for slot in list(pool.vnics.slots.values()):
            if slot.is_primary and slot.vnic.id != view.primary.id:
                pool.vnics.retire(slot.vnic.id)  # another instance's journal
        unlisted = before & pool.vnics.slots.keys() - {view.primary.id, *listed}
        ours = self._returns.being_detached
        doubted = frozenset(
            v for v in unlisted if not pool.is_young(v) and v not in ours
        )
        for vnic_id in doubted - pool.vnics.doubted:
            log.warning("vnic_doubted", vnic=vnic_id)
        if pool.vnics.doubted - doubted:
            pool.signals.arrived()
        pool.vnics.set_doubted(doubted)

    async def _is_vnic_gone(self, vnic_id: VnicId, view: CloudView) -> bool:
        """Ask a second witness about a VNIC that the list lacks."""
        if vnic_id in view.attached:
            return False  # two lists of the cloud disagree
        if vnic_id in self._pool.vnics.unlinked:
            return True  # the kernel agrees
        try:
            return not await self._cloud.at(self._urgency).has_vnic(vnic_id)
        except CloudError as error:
            log.warning("vnic_not_confirmed", vnic=vnic_id, reason=str(error))
            return False

    async def _forget_vnic(self, vnic_id: VnicId) -> None:
        pool = self._pool
        if vnic_id not in pool.vnics.slots:
            return  # given back while somebody was asked
        # If the disk refuses one, the next audit asks about the VNIC again.
        for private_ip in pool.ledger.per_vnic().get(vnic_id, []):
            await self._forget_address(private_ip)
        if pool.vnics.retire(vnic_id):
            pool.forget_vnic(vnic_id)
            log.warning("vnic_gone", vnic=vnic_id)
            self._note(DriftKind.CLOUD_VNIC, vnic_id)

    # Addresses

    async def _take_in_addresses(
        self, view: CloudView, before: AbstractSet[PrivateIpId]
    ) -> None:
        ledger = self._pool.ledger
        repairs = self._comparison.addresses(view, before)
        # Before the second witness is asked: one sign is enough to withhold them.
        for repair in repairs:
            if not isinstance(repair, Adopt):
                ledger.doubt(repair.private_ip)
        await self._settle_doubts(view)
        for repair in repairs:
            if isinstance(repair, Forget):
                if await self._has(repair.private_ip) is False:
                    await self._forget_address(repair.private_ip)
            elif isinstance(repair, Moved):
                await self._follow(repair.private_ip, repair.now)
        fresh = [r.private_ip for r in repairs if isinstance(r, Adopt)]
        # Also those whose records the disk has refused so far.
        fresh += [p for p in view.private_ips if ledger.why_withheld(p) is State.ADDING]
        if fresh:
            await self._kernel.note_loss()
        for private_ip in fresh:
            if not self._comparison.may_adopt(private_ip, before):
                continue  # its deletion was in flight, and is done
            if private_ip.id not in ledger.ids():
                self._note(DriftKind.CLOUD_ADDRESS, private_ip.address)
            await self._changes.record_addresses([private_ip])
            self._kernel.let_rest(private_ip)

    async def _has(self, private_ip: PrivateIp) -> bool | None:
        """Ask directly whether a VNIC has an address; return None without an answer."""
        try:
            return await self._cloud.at(self._urgency).has_address(private_ip)
        except CloudError as error:
            log.warning(
                "address_not_confirmed", address=private_ip.address, reason=str(error)
            )
            return None

    async def _follow(self, old: PrivateIp, new: PrivateIp) -> None:
        """Follow an address that others moved to another of our VNICs."""
        ledger, returns = self._pool.ledger, self._returns
        deleting = ledger.why_withheld(old) is State.DELETING
        if deleting and not returns.may_settle(old.address):
            return
        if not await self._has(new):
            return
        await returns.follow(old, new)
        log.warning("address_moved", address=old.address, vnic=new.vnic_id)
        self._note(DriftKind.CLOUD_ADDRESS, old.address)
        leased = {a for a in new.addresses if ledger.state(a) is State.LEASED}
        await self._changes.reconnect(leased)

    async def _forget_address(self, private_ip: PrivateIp) -> None:
        ledger = self._pool.ledger
        leased = any(ledger.state(a) is State.LEASED for a in private_ip.addresses)
        if await self._returns.forget([private_ip]):
            say = log.error if leased else log.warning
            say("address_gone_from_cloud", address=private_ip.address, leased=leased)
            self._note(DriftKind.CLOUD_ADDRESS, private_ip.address)

    def _note(self, kind: DriftKind, what: str) -> None:
        """Note a repair; what the first audit finds is no difference."""
        if self._pool.conditions.observed:
            self._pool.note_repair(kind, what)

    async def _settle_doubts(self, view: CloudView) -> None:
        """End the withholding of doubted or released objects that still exist."""
        ledger, returns = self._pool.ledger, self._returns
        listed = {(p.id, p.vnic_id) for p in view.private_ips}
        there = [p for p in ledger.private_ips() if (p.id, p.vnic_id) in listed]
        found = [p for p in there if ledger.why_withheld(p) is State.DOUBTED]
        for private_ip in found:
            ledger.keep(private_ip)
        if found:
            self._pool.signals.arrived()
        vnics = {v.id for v in view.pod_vnics} & self._pool.vnics.detaching
        await returns.settle_kept(
            [
                p
                for p in there
                if ledger.why_withheld(p) is State.DELETING
                and returns.may_settle(p.address)
            ],
            [v for v in vnics if returns.may_settle(v)],
        )

    # Tags and NSGs

    async def _correct_tags(self, view: CloudView) -> None:
        """Restore our tags; a refusal does not stop the audit."""
        cloud = self._cloud.at(Urgency.AUDIT)
        try:
            for vnic in view.untagged_vnics:
                await cloud.tag_vnic(vnic)
                log.warning("tags_restored", vnic=vnic.id)
                self._note(DriftKind.TAGS, vnic.id)
            for private_ip in view.untagged_ips:
                await cloud.tag_address(private_ip)
                log.warning("tags_restored", address=private_ip.address)
                self._note(DriftKind.TAGS, private_ip.address)
        except CloudError as error:
            self._pool.problems.report(TAGS, error.cause, str(error))
        else:
            self._pool.problems.clear(TAGS)

    async def _correct_nsgs(self, view: CloudView) -> None:
        """Put VNICs into the pod network's NSGs; a refusal does not stop the audit."""
        cloud = self._cloud.at(Urgency.AUDIT)
        refused: set[Place] = set()
        for repair in nsg_drift(view, self._pool.demand.classes()):
            try:
                await cloud.set_nsgs(repair.vnic_id, repair.nsg_ids)
            except CloudError as error:
                place = Place(kind=PlaceKind.NSGS, vnic_id=repair.vnic_id)
                refused.add(place)
                self._pool.problems.report(place, error.cause, str(error))
                if not isinstance(error, CloudRefusedError):
                    return  # it is away: for the other VNICs too
            else:
                log.info("vnic_nsgs_set", vnic=repair.vnic_id, nsgs=repair.nsg_ids)
                self._note(DriftKind.NSGS, repair.vnic_id)
        self._pool.problems.clear_where(
            lambda p: p.kind is PlaceKind.NSGS and p not in refused
        )
