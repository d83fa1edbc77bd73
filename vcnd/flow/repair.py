"""Look at everything, compare, put right: at start-up, each period, and on CNI GC.

``core.drift`` says what differs, as values; here they are carried out.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from random import Random
from typing import Never, assert_never

import structlog
import trio

from vcnd.core.backoff import delays
from vcnd.core.drift import (
    Adopt,
    EndLease,
    Forget,
    ReapLink,
    Repair,
    SetNsgs,
    cloud_drift,
    kernel_drift,
    listed_drift,
    nsg_drift,
)
from vcnd.flow.changes import Changes
from vcnd.flow.leases import Leases
from vcnd.flow.pool import Pool
from vcnd.flow.turns import Turns
from vcnd.model.errors import CloudError, TryAgainError, VcndError
from vcnd.model.family import Family
from vcnd.model.ids import PrivateIpId, VnicId
from vcnd.model.place import AUDIT, KERNEL, NSGS, Place, PlaceKind
from vcnd.model.records import (
    AddressForgotten,
    VnicForgotten,
    VnicNumbered,
)
from vcnd.model.sandbox import Lease
from vcnd.model.urgency import URGENCY, Urgency
from vcnd.model.vnic import CloudView, PrivateIp
from vcnd.ports import Cloud, Host, Journal

log = structlog.get_logger()

MOST_RETRY_SECONDS = 30.0


class Repairer:
    """Keeps books, kernel and cloud in agreement."""

    def __init__(
        self,
        *,
        pool: Pool,
        cloud: Cloud,
        host: Host,
        journal: Journal,
        leases: Leases,
        turns: Turns,
        changes: Changes,
        audit_seconds: float,
        random: Random,
    ) -> None:
        self._pool = pool
        self._cloud = cloud
        self._host = host
        self._journal = journal
        self._leases = leases
        self._turns = turns
        self._changes = changes
        self._audit_seconds = audit_seconds
        self._random = random
        self._looking = trio.Lock()

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Ask the cloud until it answers once, then audit each period."""
        task_status.started()
        waits = self._new_waits()
        while True:
            # Until the first answer nothing else can be asked for.
            observed = self._pool.observed
            URGENCY.set(Urgency.AUDIT if observed else Urgency.WAITING)
            try:
                await self.audit_cloud()
                await self.audit_kernel()
            except VcndError as error:
                self._pool.trouble(AUDIT, str(error))
                await trio.sleep(next(waits))
                continue
            self._pool.relief(AUDIT)
            self._pool.relief(KERNEL)
            waits = self._new_waits()
            # Nodes that started together must not ask together for ever.
            pause = self._audit_seconds * self._random.uniform(0.8, 1.2)
            with trio.move_on_after(pause):
                await self._pool.until_doubt()

    def _new_waits(self) -> Iterator[float]:
        return delays(self._random, first_seconds=2.0, most_seconds=MOST_RETRY_SECONDS)

    # The kernel

    async def audit_kernel(self) -> None:
        """Compare leases with pod links; end the one or reap the other."""
        before = self._turns.busy()
        links = await self._host.pod_links()
        busy = {self._host.host_ifname(k) for k in before | self._turns.busy()}
        leases = self._pool.ledger.leases()
        for repair in kernel_drift(leases=leases, links=links, busy=busy):
            await self._carry_out(repair)

    async def collect_garbage(
        self, network: str, valid: AbstractSet[tuple[str, str]]
    ) -> None:
        """End leases of a network that the runtime no longer knows (CNI GC).

        Raises:
            TryAgainError: some could not be ended; the others were.
        """
        leases = self._pool.ledger.leases()
        failures: list[str] = []
        for repair in listed_drift(leases=leases, network=network, valid=valid):
            try:
                await self._carry_out(repair)
            except VcndError as error:
                failures.append(str(error))
        await self.audit_kernel()
        if failures:
            raise TryAgainError(
                f"{len(failures)} leases could not be ended",
                details="; ".join(failures),
            )

    # The cloud

    async def audit_cloud(self) -> None:
        """Ask the cloud what it gives us, and correct the books and the kernel.

        Raises:
            CloudError: it cannot be had; nothing was changed.
        """
        async with self._looking:
            if not self._pool.released:
                await self._audit_cloud()

    def paused(self) -> trio.Lock:
        """Return what keeps audits of the cloud away while it is held."""
        return self._looking

    async def _audit_cloud(self) -> None:
        # What was created or deleted while the question was under way would look
        # like drift: judged are objects known before and after, or new to us.
        before, slots = self._pool.ledger.ids(), set(self._pool.slots)
        view = await self._cloud.observe(self._pool.wants.families())
        await self._take_in_vnics(view, slots)
        deleted = before - self._pool.ledger.ids()
        known = [p for p in self._pool.ledger.private_ips() if self._old(p, before)]
        repairs = cloud_drift(
            books=[p for p in known if p.family not in view.unlisted],
            cloud=[p for p in view.private_ips if p.id not in deleted],
            leased={a for x in self._pool.ledger.leases() for a in x.addresses},
        )
        for repair in repairs:
            await self._carry_out(repair)
        self._settle_doubts({p.address for p in view.private_ips})
        await self._changes.settle()
        self._pool.observed = True
        for family in Family:
            place = Place(kind=PlaceKind.AUDIT, family=family)
            if family in view.unlisted:
                self._pool.trouble(place, view.unlisted[family])
            else:
                self._pool.relief(place)
        self._pool.ring()
        if self._pool.network_settled:
            await self._correct_nsgs(view)

    async def _correct_nsgs(self, view: CloudView) -> None:
        """Put VNICs into the pod network's NSGs; a refusal stands in nobody's way."""
        try:
            for repair in nsg_drift(view, self._pool.wants.classes()):
                await self._carry_out(repair)
        except CloudError as error:
            self._pool.trouble(NSGS, str(error))
        else:
            self._pool.relief(NSGS)

    def _old(self, private_ip: PrivateIp, before: AbstractSet[PrivateIpId]) -> bool:
        """Tell whether a list that lacks an object says something about it."""
        return private_ip.id in before and not self._pool.is_young(private_ip.id)

    def _settle_doubts(self, listed: AbstractSet[str]) -> None:
        """Free what was to be deleted and is still there, its deletion given up."""
        ledger = self._pool.ledger
        for private_ip in ledger.private_ips():
            address = private_ip.address
            given_up = address not in self._changes.being_deleted
            if ledger.state(address) == "deleting" and given_up and address in listed:
                ledger.keep(private_ip)

    async def _take_in_vnics(
        self, view: CloudView, before: AbstractSet[VnicId]
    ) -> None:
        pool = self._pool
        came, went = pool.slots.keys() - before, before - pool.slots.keys()
        listed = {v.id: v for v in view.pod_vnics if v.id not in went}
        pool.vnic_limit = view.vnic_limit
        there = [v for v in view.attached if v not in went]
        pool.vnics_attached = len(there) + len(came - set(there))
        unlisted = before & pool.slots.keys() - {view.primary.id, *listed}
        for vnic_id in [v for v in unlisted if not pool.is_young(v)]:
            del pool.slots[vnic_id]
            pool.forget_vnic(vnic_id)
            await self._journal.append(VnicForgotten(vnic_id))
            log.warning("vnic_gone", vnic=vnic_id)
        held = dict(pool.slots)
        pool.number(view.primary, primary=True)
        for vnic in listed.values():
            pool.number(vnic)
        changed = [s for s in pool.slots.values() if held.get(s.vnic.id) != s]
        await self._journal.append(*(VnicNumbered(s) for s in changed))

    # Repairs

    async def _carry_out(self, repair: Repair) -> None:
        match repair:
            case Adopt(private_ip):
                await self._changes.take_in([private_ip])
            case Forget(private_ip, leased):
                address = private_ip.address
                if self._pool.ledger.private_ip(address) != private_ip:
                    return
                await self._journal.append(AddressForgotten(address))
                self._pool.ledger.forget(private_ip)
                say = log.error if leased else log.warning
                say("address_gone_from_cloud", address=address, leased=leased)
            case ReapLink(host_ifname):
                log.warning("orphan_link_reaped", ifname=host_ifname)
                await self._host.reap(host_ifname)
            case EndLease(lease):
                await self._end(lease)
            case SetNsgs(vnic_id, nsg_ids):
                await self._cloud.set_nsgs(vnic_id, nsg_ids)
                log.info("vnic_nsgs_set", vnic=vnic_id, nsgs=nsg_ids)
            case _:
                assert_never(repair)

    async def _end(self, lease: Lease) -> None:
        async with self._turns.turn(lease.key):
            if self._pool.ledger.lease_of(lease.key) != lease:
                return
            await self._leases.end(lease)
            log.warning(
                "lease_ended_by_repair", sandbox=str(lease.key), address=lease.address
            )
