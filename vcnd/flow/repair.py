"""Look at everything, compare, put right: at start-up, each period, and on CNI GC.

``core.drift`` says what differs, as values; here they are carried out.
"""

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
        kernel: KernelAudit,
        cloud_audit: CloudAudit,
        audit_seconds: float,
        random: Random,
    ) -> None:
        self._pool = pool
        self._kernel = kernel
        self._cloud_audit = cloud_audit
        self._audit_seconds = audit_seconds
        self._random = random

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Ask the cloud until it answers once, then audit each period."""
        task_status.started()
        refused = Backoff(
            self._random, first_seconds=2.0, most_seconds=MOST_RETRY_SECONDS
        )
        doubted = Backoff(
            self._random, first_seconds=DOUBT_SECONDS, most_seconds=self._audit_seconds
        )
        while True:
            await until_done(self._audit, backoff=refused, failed=self._report)
            self._pool.problems.clear(AUDIT)
            self._pool.problems.clear(KERNEL)
            # What is in doubt is asked for again soon, and more and more seldom.
            if self._cloud_audit.in_doubt:
                pause = doubted.next_delay()
            else:
                pause = self._audit_seconds
                doubted.reset()
            # Nodes that started together must not ask together for ever.
            with trio.move_on_after(pause * self._random.uniform(0.8, 1.2)):
                await self._pool.signals.audit_requested()
            await trio.sleep(LEAST_PAUSE_SECONDS)

    async def _audit(self) -> None:
        await self._cloud_audit.reconcile()
        await self._kernel.audit()

    def _report(self, error: VcndError, _pause: float) -> None:
        self._pool.problems.report(AUDIT, error.cause, str(error))
