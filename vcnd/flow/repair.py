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
    EndLease,
    ReapLink,
    Repair,
    kernel_drift,
    listed_drift,
)
from vcnd.flow.cloud_audit import CloudAudit
from vcnd.flow.leases import Leases
from vcnd.flow.pool import Pool
from vcnd.flow.turns import Turns
from vcnd.model.errors import TryAgainError, VcndError
from vcnd.model.place import AUDIT, KERNEL
from vcnd.model.sandbox import Lease
from vcnd.model.urgency import URGENCY, Urgency
from vcnd.ports import Host

log = structlog.get_logger()

MOST_RETRY_SECONDS = 30.0
DOUBT_SECONDS = 5.0
"""First wait before the cloud is asked again for what is in doubt."""
LEAST_PAUSE_SECONDS = 0.5
"""Between two audits, whatever asks for them."""


class Repairer:
    """Keeps books, kernel and cloud in agreement."""

    def __init__(
        self,
        *,
        pool: Pool,
        host: Host,
        leases: Leases,
        turns: Turns,
        cloud_audit: CloudAudit,
        audit_seconds: float,
        random: Random,
    ) -> None:
        self._pool = pool
        self._host = host
        self._leases = leases
        self._turns = turns
        self._cloud_audit = cloud_audit
        self._audit_seconds = audit_seconds
        self._random = random

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Ask the cloud until it answers once, then audit each period."""
        task_status.started()
        waits, doubts = self._new_waits(), self._new_doubts()
        while True:
            # Until the first answer nothing else can be asked for.
            observed = self._pool.observed
            URGENCY.set(Urgency.AUDIT if observed else Urgency.WAITING)
            try:
                await self._cloud_audit.look()
                await self.audit_kernel()
            except VcndError as error:
                self._pool.trouble(AUDIT, str(error))
                await trio.sleep(next(waits))
                continue
            self._pool.relief(AUDIT)
            self._pool.relief(KERNEL)
            waits = self._new_waits()
            # What is in doubt is asked for again soon, and more and more seldom.
            if self._cloud_audit.in_doubt:
                pause = next(doubts)
            else:
                pause, doubts = self._audit_seconds, self._new_doubts()
            # Nodes that started together must not ask together for ever.
            with trio.move_on_after(pause * self._random.uniform(0.8, 1.2)):
                await self._pool.until_doubt()
            await trio.sleep(LEAST_PAUSE_SECONDS)

    def _new_waits(self) -> Iterator[float]:
        return delays(self._random, first_seconds=2.0, most_seconds=MOST_RETRY_SECONDS)

    def _new_doubts(self) -> Iterator[float]:
        return delays(
            self._random, first_seconds=DOUBT_SECONDS, most_seconds=self._audit_seconds
        )

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

    # Repairs

    async def _carry_out(self, repair: Repair) -> None:
        match repair:
            case ReapLink(host_ifname):
                log.warning("orphan_link_reaped", ifname=host_ifname)
                await self._host.reap(host_ifname)
            case EndLease(lease):
                await self._end(lease)
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
