"""Runs the audits of cloud and kernel: at the start, and each period."""

from random import Random
from typing import Never

import trio

from vcnd.core.backoff import Backoff
from vcnd.flow.cloud_audit import CloudAudit
from vcnd.flow.kernel_audit import KernelAudit
from vcnd.flow.pool import Pool
from vcnd.flow.retry import until_done
from vcnd.model.errors import VcndError
from vcnd.model.place import AUDIT, KERNEL
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

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Audit until the cloud answers once, then each period."""
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
            await until_done(self._audit, backoff=refused, failed=self._report)
            self._ended = self._begun
            self._progress.send()
            self._pool.problems.clear(AUDIT)
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
        # First what needs no cloud.
        await self._host.restore()
        await self._cloud_audit.reconcile()
        await self._kernel.audit()

    def _report(self, error: VcndError, pause: float) -> None:
        self._pool.problems.report(AUDIT, error.cause, str(error), retry_seconds=pause)
