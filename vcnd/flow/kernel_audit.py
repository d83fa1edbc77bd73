"""Compare leases with the pods' links in the kernel: at start-up, each period, on GC.

The kernel is the second witness.  A lease ends when its link is gone.  A link is
removed when it carries no pod.  A link that carries a pod has a lease, even if the
journal has lost it.
"""

from collections.abc import Set as AbstractSet
from typing import assert_never

import trio

from vcnd.core.drift import (
    EndLease,
    KernelRepair,
    ReapLink,
    RestoreLease,
    kernel_drift,
    listed_drift,
)
from vcnd.core.states import State
from vcnd.flow.leases import Leases
from vcnd.flow.locks import SandboxLocks
from vcnd.flow.pool import Pool
from vcnd.log import log
from vcnd.model.errors import TryAgainError, VcndError
from vcnd.model.sandbox import Lease
from vcnd.model.vnic import PrivateIp
from vcnd.ports import Host


class KernelAudit:
    """Keeps leases and the pods' links in agreement."""

    def __init__(
        self, *, pool: Pool, host: Host, leases: Leases, locks: SandboxLocks
    ) -> None:
        self._pool = pool
        self._host = host
        self._leases = leases
        self._locks = locks
        self._lost = False
        self._rest_until = 0.0
        self._to_adopt: list[Lease] = []

    # Start-up

    async def restore(self, *, lost: bool) -> None:
        """Restore leases that the journal has lost, before any call comes.

        Then pass all pods whose VNICs are known to the host.

        Args:
            lost: True if the journal may have lost records.

        Raises:
            VcndError: the kernel cannot be read.  Then no call may be served, since
                addresses of running pods could count as free.
        """
        drift = await self._drift()
        restored = [r.lease for r in drift if isinstance(r, RestoreLease)]
        for lease in restored:
            await self._restore(lease)
        self._lost = lost or bool(restored)
        if self._lost:
            self._rest_until = trio.current_time() + self._pool.policy.cooling_seconds
            for private_ip in self._pool.ledger.private_ips():
                self.let_rest(private_ip)
            self._pool.vnics.keep_numbers(await self._host.vnic_numbers())
        pool = self._pool
        wired = [x for x in pool.ledger.leases() if x.wiring is not None]
        pods = [(lease, pool.vnics_of(lease)) for lease in wired]
        self._host.adopt([(lease, vnics) for lease, vnics in pods if vnics])

    @property
    def knows_vnics(self) -> bool:
        """Return True unless the journal lost VNICs that carry pods.

        Until the cloud names them the kernel stays as it is: a set-up without them
        would cut their pods off.
        """
        pool = self._pool
        return not self._lost or all(
            len(pool.slots_of(x)) == len(x.addresses) for x in pool.ledger.leases()
        )

    def adopt_restored(self) -> None:
        """Pass restored pods to the host whose VNICs have become known."""
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

    def let_rest(self, private_ip: PrivateIp) -> None:
        """Start the cooldown of free addresses that the node had before a loss.

        Some of them may have been released a moment ago, also since the start.
        """
        pool, now = self._pool, trio.current_time()
        unseen = self._lost and not pool.conditions.observed
        if private_ip.fixed or not (unseen or now < self._rest_until):
            return
        until = now + pool.policy.cooling_seconds
        for address in private_ip.addresses:
            if pool.ledger.state(address) is State.FREE:
                pool.ledger.restore_cooldown(address, until)

    # Audits

    async def audit(self) -> None:
        """Compare leases with links; end leases, reap links, restore leases."""
        for repair in await self._drift():
            await self._carry_out(repair)

    async def collect_garbage(
        self, network: str, valid: AbstractSet[tuple[str, str]]
    ) -> None:
        """End leases of a network that the runtime no longer knows (CNI GC).

        Raises:
            TryAgainError: some could not be ended; the others were.
        """
        leases = self._pool.ledger.leases()
        failures: list[VcndError] = []
        for repair in listed_drift(leases=leases, network=network, valid=valid):
            try:
                await self._carry_out(repair)
            except VcndError as error:
                failures.append(error)
        await self.audit()
        if failures:
            raise TryAgainError(
                f"{len(failures)} leases could not be ended",
                details="; ".join(map(str, failures)),
                cause=failures[0].cause,
            )

    async def _drift(self) -> list[KernelRepair]:
        before = self._locks.busy()
        links = await self._host.pod_links()
        return kernel_drift(
            leases=self._pool.ledger.leases(),
            links=links,
            busy={self._host.host_ifname(k) for k in before | self._locks.busy()},
            first=self._pool.family,
        )

    async def _carry_out(self, repair: KernelRepair) -> None:
        match repair:
            case ReapLink(host_ifname):
                log.warning("orphan_link_reaped", ifname=host_ifname)
                await self._host.reap(host_ifname)
            case RestoreLease(lease):
                await self._restore(lease)
            case EndLease(lease):
                await self._end(lease)
            case _:
                assert_never(repair)

    async def _restore(self, lease: Lease) -> None:
        async with self._locks.hold(lease.key):
            if await self._leases.restore(lease):
                self._to_adopt.append(lease)
                log.error(
                    "lease_restored_from_kernel",
                    sandbox=str(lease.key),
                    pod=str(lease.pod),
                    ifname=lease.host_ifname,
                    addresses=lease.addresses,
                )

    async def _end(self, lease: Lease) -> None:
        async with self._locks.hold(lease.key):
            if self._pool.ledger.lease_of(lease.key) != lease:
                return
            await self._leases.end(lease)
            log.warning(
                "lease_ended_by_audit", sandbox=str(lease.key), address=lease.address
            )
