"""``vcndctl audit``: journal, kernel, cloud, runtime and Kubernetes compared.

It compares with the values and by the code of the periodic audit, and changes nothing.
A repair is a periodic audit that runs now.
"""

from collections.abc import Awaitable, Callable

import trio
from msgspec.structs import replace

from vcnd.core.first_seen import FirstSeen
from vcnd.flow import audit_rows
from vcnd.flow.cloud_audit import CloudAudit
from vcnd.flow.kernel_audit import KernelAudit
from vcnd.flow.pool import Pool
from vcnd.flow.repair import Repairer
from vcnd.model.audit import AuditReport, Difference, PastRepair, Witness
from vcnd.model.drift import DriftKind
from vcnd.model.errors import VcndError
from vcnd.model.place import AUDIT, KERNEL
from vcnd.ports import Host

CLOUD_SECONDS = 20.0
"""The cloud counts as unread if it has not answered by then."""
CONFIRM_SECONDS = 3.0
"""What this daemon is changing in the cloud right now looks like a difference: only
what is found again after this time counts."""
REPAIR_SECONDS = 45.0
"""So long a command waits for its repair, which goes on by itself."""

Key = tuple[Witness, DriftKind, str]


class Auditor:
    """Reports what differs, and repairs it on request."""

    def __init__(
        self,
        *,
        pool: Pool,
        host: Host,
        kernel: KernelAudit,
        cloud_audit: CloudAudit,
        repairer: Repairer,
    ) -> None:
        self._pool = pool
        self._host = host
        self._kernel = kernel
        self._cloud_audit = cloud_audit
        self._repairer = repairer
        self._seen = FirstSeen[Key]()

    async def report(self, *, repair: bool) -> AuditReport:
        """Return what differs.

        Args:
            repair: whether it is repaired first; what differed then is reported, too.
        """
        found, unread = await self._compare()
        before: list[Difference] = []
        refused = ""
        if repair:
            before, refused = found, await self._repair()
            found, unread = await self._compare()
        remaining = {_key(d) for d in found}
        return AuditReport(
            differences=tuple(found),
            repaired=tuple(d for d in before if _key(d) not in remaining),
            unread=unread,
            refused=refused,
            past=self.past(),
            repairs=self.counts(),
        )

    def counts(self) -> dict[DriftKind, int]:
        """Return how often each kind was repaired since the daemon's start."""
        here, there = self._pool.repairs.counts(), self._host.repairs.counts()
        return {kind: here[kind] + there[kind] for kind in DriftKind}

    def past(self) -> tuple[PastRepair, ...]:
        """Return what others changed and the daemon restored, the latest first."""
        now = trio.current_time()
        latest = [*self._pool.repairs.latest(), *self._host.repairs.latest()]
        return tuple(
            PastRepair(
                kind=x.kind,
                number=x.number,
                what=x.what,
                by=x.by,
                seconds_ago=round(now - x.at, 1),
            )
            for x in sorted(latest, key=lambda x: x.at, reverse=True)
        )

    async def _repair(self) -> str:
        """Let a periodic audit run; return why it has not ended, if so."""
        with trio.move_on_after(REPAIR_SECONDS):
            await self._repairer.audit_now()
            return ""
        problems = self._pool.problems
        problem = problems.at(AUDIT) or problems.at(KERNEL)
        why = f"; {problem.cause}: {problem.reason}" if problem else ""
        return f"it has not ended within {REPAIR_SECONDS:.0f} s and goes on{why}"

    async def _compare(self) -> tuple[list[Difference], dict[Witness, str]]:
        found: list[Difference] = []
        unread: dict[Witness, str] = {}
        witnesses: dict[Witness, Callable[[], Awaitable[list[Difference]]]] = {
            Witness.KERNEL: self._kernel_differs,
            Witness.CLOUD: self._cloud_differs,
            Witness.RUNTIME: self._runtime_differs,
        }
        for witness, compare in witnesses.items():
            try:
                found += await compare()
            except VcndError as error:
                unread[witness] = str(error)
        found += self._kubernetes_differs()
        return self._with_times(found), unread

    async def _kernel_differs(self) -> list[Difference]:
        parts = [audit_rows.of_kernel(d) for d in await self._host.differences()]
        return parts + [audit_rows.of_links(r) for r in await self._kernel.compare()]

    async def _cloud_differs(self) -> list[Difference]:
        pods = {a: x for x in self._pool.ledger.leases() for a in x.addresses}
        try:
            with trio.fail_after(CLOUD_SECONDS):
                drifts = await self._cloud_audit.compare()
                if drifts:
                    await trio.sleep(CONFIRM_SECONDS)
                    again = await self._cloud_audit.compare()
                    drifts = [d for d in again if d in drifts]
        except trio.TooSlowError:
            raise VcndError(f"no answer within {CLOUD_SECONDS:.0f} s") from None
        return [audit_rows.of_cloud(d, pods) for d in drifts]

    async def _runtime_differs(self) -> list[Difference]:
        lost, now = await self._kernel.without_pod(), trio.current_time()
        return [audit_rows.of_runtime(x, since, now) for x, since in lost.items()]

    def _kubernetes_differs(self) -> list[Difference]:
        demand = self._pool.demand
        if not demand.follows_kubernetes:
            return []
        leases = self._pool.ledger.leases()
        return [
            audit_rows.of_kubernetes(x)
            for x in leases
            if x.pod.uid and not demand.is_bound(x.pod)
        ]

    def _with_times(self, found: list[Difference]) -> list[Difference]:
        now = trio.current_time()
        since = self._seen.note([_key(d) for d in found], now)
        return [
            replace(
                d, since_seconds=max(d.since_seconds, round(now - since[_key(d)], 1))
            )
            for d in found
        ]


def _key(difference: Difference) -> Key:
    return difference.witness, difference.kind, difference.what
