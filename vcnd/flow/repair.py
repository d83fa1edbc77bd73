"""Runs the audits of kernel and cloud: at the start, and each period.

The kernel's needs no cloud: while OCI or IMDS is away, leases of lost sandboxes end all
the same.  One that fails does not keep the other from running.
"""

from collections.abc import Awaitable, Callable
from math import inf
from random import Random
from typing import Never

import trio

from vcnd.core.backoff import Backoff
from vcnd.flow.cloud_audit import CloudAudit
from vcnd.flow.kernel_audit import KernelAudit
from vcnd.flow.pool import Pool
from vcnd.flow.retry import until_done
from vcnd.model.errors import VcndError
from vcnd.model.place import AUDIT, KERNEL, Place
from vcnd.ports import Host
from vcnd.signals import Pulse

MOST_RETRY_SECONDS = 30.0
DOUBT_SECONDS = 5.0
"""First pause before objects in doubt are read again."""
CALM_AUDITS = 2
"""The pauses are short again after this number of audits in a row without a doubt."""
LEAST_PAUSE_SECONDS = 0.5
"""Least time between two audits, however many are requested."""


class Repairer:
    """Keeps ledger, kernel and cloud equal."""

    def __init__(
        self,
        *,
        pool: Pool,
        host: Host,
        kernel: KernelAudit,
        cloud_audit: CloudAudit,
        audit_seconds: float,
        random: Random,
    ) -> None:
        self._pool = pool
        self._host = host
        self._kernel = kernel
        self._cloud_audit = cloud_audit
        self._audit_seconds = audit_seconds
        self._random = random
        self._begun = self._ended = 0
        """Numbers of the audit that began last, and of the one that ended last."""
        self._progress = Pulse()
        self._failed: dict[Place, VcndError] = {}
        """What the last try of an audit failed at."""
        self._told: set[Place] = set()
        """Where audits have reported problems that are not over."""
        self._cloud_due = -inf

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Audit until kernel and cloud have answered, then each period."""
        task_status.started()
        refused = Backoff(
            self._random, first_seconds=2.0, most_seconds=MOST_RETRY_SECONDS
        )
        doubted = Backoff(
            self._random, first_seconds=DOUBT_SECONDS, most_seconds=self._audit_seconds
        )
        calm = 0
        while True:
            self._begun += 1
            self._cloud_due = -inf
            await until_done(self._audit, backoff=refused, failed=self._report)
            self._ended = self._begun
            self._progress.send()
            # Also what the start could not set up: the cloud's audit has done it.
            self._pool.problems.clear(KERNEL)
            # An audit reads objects in doubt again soon, then at growing intervals.
            # One audit without a doubt does not shorten them: a removal that always
            # fails causes a new doubt at each try.
            if self._cloud_audit.in_doubt:
                calm, pause = 0, doubted.next_delay()
            else:
                calm, pause = calm + 1, self._audit_seconds
                if calm >= CALM_AUDITS:
                    doubted.reset()
            # Nodes that started together must not audit together for ever.
            pause *= self._random.uniform(0.8, 1.2)
            with trio.move_on_after(min(pause, self._cloud_audit.settles_in())):
                await self._pool.signals.audit_requested()
            await trio.sleep(LEAST_PAUSE_SECONDS)

    async def audit_now(self) -> None:
        """Let an audit run now, and return when it has ended well."""
        earlier = self._begun
        self._pool.signals.request_audit()
        while self._ended <= earlier:
            await self._progress.wait()

    async def _audit(self) -> None:
        """Try all parts; raise the first error when all were tried."""
        self._failed.clear()
        # First what needs no cloud.
        await self._try(KERNEL, self._host.restore)
        await self._try(KERNEL, self._kernel.audit)
        self._clear(KERNEL)
        await self._audit_cloud()
        for error in self._failed.values():
            raise error

    async def _audit_cloud(self) -> None:
        """Compare with the cloud, unless this audit has done so lately.

        A kernel that refuses at each try must not cost calls at each try.
        """
        now, requested = trio.current_time(), self._pool.signals.is_audit_requested
        if now < self._cloud_due and not requested:
            return
        await self._try(AUDIT, self._cloud_audit.reconcile)
        if AUDIT not in self._failed:
            self._cloud_due = trio.current_time() + self._audit_seconds
        self._clear(AUDIT)

    async def _try(self, place: Place, part: Callable[[], Awaitable[object]]) -> None:
        try:
            await part()
        except VcndError as error:
            self._failed.setdefault(place, error)

    def _clear(self, place: Place) -> None:
        if place in self._told and place not in self._failed:
            self._told.remove(place)
            self._pool.problems.clear(place)

    def _report(self, _: VcndError, pause: float) -> None:
        for place, error in self._failed.items():
            self._told.add(place)
            self._pool.problems.report(
                place, error.cause, str(error), retry_seconds=pause
            )
