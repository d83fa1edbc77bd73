"""Compare leases with the pods' links in the kernel: at start-up, each period, on GC.

The kernel is the second witness.  A lease ends when its link is gone.  A link is
removed when it carries no pod.  A link that carries a pod has a lease, even if the
journal has lost it.

The third witness is the kubelet, which keeps a cgroup of each pod.  A lease of a pod
without one ends after a while, although its link is there: the runtime has left the
namespace behind (docs/decisions/0023-sandboxes-by-cgroups.md).
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from math import inf
from typing import assert_never

import trio

from vcnd.core.drift import (
    EndLease,
    Gone,
    KernelRepair,
    ReapLink,
    RestoreLease,
    kernel_drift,
    listed_drift,
    lost_sandboxes,
)
from vcnd.core.first_seen import FirstSeen
from vcnd.core.recent import RECENT_SECONDS
from vcnd.core.states import State
from vcnd.flow.leases import Leases
from vcnd.flow.locks import SandboxLocks
from vcnd.flow.pool import Pool
from vcnd.log import log
from vcnd.model.drift import DriftKind
from vcnd.model.errors import TryAgainError, VcndError
from vcnd.model.records import JournalLost, RecoveredState
from vcnd.model.sandbox import Lease
from vcnd.model.vnic import PrivateIp
from vcnd.ports import Host, Journal, KeptPods

GONE_SECONDS = 600.0
"""A lease ends when its pod has had no cgroup at each audit for this long."""


class KernelAudit:
    """Keeps leases and the pods' links in agreement."""

    def __init__(
        self,
        *,
        pool: Pool,
        host: Host,
        journal: Journal,
        leases: Leases,
        locks: SandboxLocks,
        kept_pods: KeptPods | None = None,
    ) -> None:
        self._pool = pool
        self._host = host
        self._journal = journal
        self._leases = leases
        self._locks = locks
        self._kept_pods = kept_pods
        self._without_pod = FirstSeen[Lease]()
        self._lost = False
        self._is_noted = False
        """True if the journal says that it lost records."""
        self._rest_until = 0.0
        self._listed_at = inf
        """When the cloud's objects were listed first."""
        self._to_adopt: list[Lease] = []

    # Start-up

    async def restore(self, recovered: RecoveredState) -> None:
        """Restore leases that the journal has lost, before any call comes.

        Then pass all pods whose VNICs are known to the host.

        Args:
            recovered: what the journal has.

        Raises:
            VcndError: the kernel cannot be read.  Then no call may be served, since
                addresses of running pods could count as free.
        """
        drift = await self.compare()
        restored = [r.lease for r in drift if isinstance(r, RestoreLease)]
        for lease in restored:
            await self._restore(lease)
        pool, cooling_seconds = self._pool, self._pool.policy.cooling_seconds
        # A journal that is gone looks like a new node's, which has nothing to lose.
        lost = recovered.damaged or not recovered.slots or bool(restored)
        # Restored in an earlier life, perhaps, that ended before the cloud answered.
        lost = lost or not self._knows_vnics
        ago = recovered.lost_ago
        self._is_noted = not lost and ago is not None and ago < cooling_seconds
        self._lost = lost or self._is_noted
        if self._lost:
            self._rest_until = trio.current_time() + cooling_seconds
            if restored or pool.ledger.private_ips():
                await self.note_loss()
            for private_ip in pool.ledger.private_ips():
                self.let_rest(private_ip)
            pool.vnics.keep_numbers(await self._host.vnic_numbers())
        wired = [x for x in pool.ledger.leases() if x.wiring is not None]
        pods = [(lease, pool.vnics_of(lease)) for lease in wired]
        self._host.adopt([(lease, vnics) for lease, vnics in pods if vnics])

    @property
    def may_set_up(self) -> bool:
        """Return True unless the journal lost VNICs that carry pods.

        Until the cloud names them the kernel stays as it is: a set-up without them
        would cut their pods off.  If lists lack them for long, they are gone.
        """
        listed_for = trio.current_time() - self._listed_at
        return self._knows_vnics or listed_for >= RECENT_SECONDS

    @property
    def _knows_vnics(self) -> bool:
        """Return True if the VNICs of all leases are known, or known to be gone."""
        pool = self._pool
        gone = pool.ledger.lost()  # the cloud does not name their VNICs again
        return all(
            gone.union(pool.slots_of(x)).issuperset(x.addresses)
            for x in pool.ledger.leases()
        )

    def adopt_restored(self) -> None:
        """Pass restored pods to the host whose VNICs a list has made known."""
        self._listed_at = min(self._listed_at, trio.current_time())
        pool, waiting, adopted = self._pool, self._to_adopt, []
        self._to_adopt = []
        for lease in waiting:
            if pool.ledger.lease_of(lease.key) != lease:
                continue  # its pod has ended, or was added again
            vnics = pool.vnics_of(lease)
            if len(vnics) == len(lease.addresses):
                adopted.append((lease, vnics))
            else:
                self._to_adopt.append(lease)
        self._host.adopt(adopted)

    @property
    def _rests(self) -> bool:
        """Return True if what is found may have been released a moment ago."""
        unseen = self._lost and not self._pool.conditions.observed
        return unseen or trio.current_time() < self._rest_until

    async def note_loss(self) -> None:
        """Record that the journal was lost, before what is found is recorded.

        Otherwise the next life of the daemon would give pods what rests now.
        """
        if self._rests and not self._is_noted:
            self._is_noted = True
            await self._journal.write_in_any_case(JournalLost(), lambda: None)

    def let_rest(self, private_ip: PrivateIp) -> None:
        """Start the cooldown of an object's free addresses, if the journal was lost.

        Some of them may have been released a moment ago, also since the start.  The
        cooldowns that the journal knows may be those of earlier pods.
        """
        pool, now = self._pool, trio.current_time()
        if private_ip.fixed or not self._rests:
            return
        until = now + pool.policy.cooling_seconds
        for address in private_ip.addresses:
            if pool.ledger.state(address) in (State.FREE, State.COOLING):
                pool.ledger.restore_cooldown(address, until)

    # Audits

    async def audit(self) -> None:
        """Compare leases with links; end leases, reap links, restore leases.

        Raises:
            VcndError: the kernel refused some repair; the others were tried.
        """
        failures = await self._carry_out(await self.compare())
        lost, now = await self.without_pod(), trio.current_time()
        failures += await self._carry_out(
            [EndLease(x, Gone.POD) for x, t in lost.items() if now - t >= GONE_SECONDS]
        )
        for error in failures:
            raise error

    async def without_pod(self) -> Mapping[Lease, float]:
        """Return the leases whose pods the kubelet does not keep, and since when."""
        kept = None if self._kept_pods is None else await self._kept_pods()
        found = lost_sandboxes(
            leases=self._pool.ledger.leases(),
            kept=kept,
            is_bound=self._pool.demand.is_bound,
        )
        return self._without_pod.note(found, trio.current_time())

    async def collect_garbage(
        self, network: str, valid: AbstractSet[tuple[str, str]]
    ) -> None:
        """End leases of a network that the runtime no longer knows (CNI GC).

        Raises:
            TryAgainError: some could not be ended; the others were.
        """
        leases = self._pool.ledger.leases()
        failures = await self._carry_out(
            listed_drift(leases=leases, network=network, valid=valid)
        )
        await self.audit()
        if failures:
            raise TryAgainError(
                f"{len(failures)} leases could not be ended",
                details="; ".join(map(str, failures)),
                cause=failures[0].cause,
            )

    async def compare(self) -> list[KernelRepair]:
        """Return how leases and links differ; nothing is changed."""
        before = self._locks.busy()
        links = await self._host.pod_links()
        return kernel_drift(
            leases=self._pool.ledger.leases(),
            links=links,
            busy={self._host.host_ifname(k) for k in before | self._locks.busy()},
            first=self._pool.family,
        )

    async def _carry_out(self, repairs: Sequence[KernelRepair]) -> list[VcndError]:
        """Carry repairs out; return why some failed, which stops no other one."""
        failures: list[VcndError] = []
        for repair in repairs:
            try:
                await self._repair(repair)
            except VcndError as error:
                failures.append(error)
        return failures

    async def _repair(self, repair: KernelRepair) -> None:
        match repair:
            case ReapLink(host_ifname):
                log.warning("orphan_link_reaped", ifname=host_ifname)
                await self._host.reap(host_ifname)
                self._pool.note_repair(DriftKind.ORPHAN_LINK, host_ifname)
            case RestoreLease(lease):
                await self._restore(lease)
            case EndLease(lease, gone):
                await self._end(lease, gone)
            case _:
                assert_never(repair)

    async def _restore(self, lease: Lease) -> None:
        async with self._locks.hold(lease.key):
            if await self._leases.restore(lease):
                self._to_adopt.append(lease)
                self._pool.note_repair(DriftKind.LOST_LEASE, str(lease.key))
                log.error(
                    "lease_restored_from_kernel",
                    sandbox=str(lease.key),
                    pod=str(lease.pod),
                    ifname=lease.host_ifname,
                    addresses=lease.addresses,
                )

    async def _end(self, lease: Lease, gone: Gone) -> None:
        async with self._locks.hold(lease.key):
            if self._pool.ledger.lease_of(lease.key) != lease:
                return
            await self._leases.end(lease)
            self._pool.note_repair(DriftKind.SANDBOX, str(lease.key))
            log.warning(
                "lease_ended_by_audit",
                sandbox=str(lease.key),
                pod=str(lease.pod),
                address=lease.address,
                why=gone,
            )
