"""Drains the node: no new leases, and nothing in reserve; pods that run are left."""

import trio

from vcnd.flow.conditions import Phase
from vcnd.flow.pool import Pool
from vcnd.log import log
from vcnd.model.drain import DrainStatus
from vcnd.model.errors import BadRequestError
from vcnd.model.records import DrainSet
from vcnd.ports import Journal

DISK_SECONDS = 5.0
"""How long the answer waits for the disk: the drain itself does not wait."""


class Drain:
    """Begins and ends the node's drain, which outlives daemon and boot."""

    def __init__(self, *, pool: Pool, journal: Journal) -> None:
        self._pool = pool
        self._journal = journal
        self._kept = trio.Event()
        self._kept.set()

    def resume(self, *, draining: bool) -> None:
        """Go on with a drain of an earlier life of the daemon."""
        if draining:
            self._pool.conditions.enter(Phase.DRAINING)
            log.info("drain_resumed")

    async def __call__(self, *, on: bool) -> DrainStatus:
        """Begin to drain the node, or end that; return how far it is.

        Raises:
            BadRequestError: the node was released, or is being released.
        """
        pool = self._pool
        phase = pool.conditions.phase
        if phase not in (Phase.SERVING, Phase.DRAINING):
            raise BadRequestError(
                f"the node is {phase}",
                details="everything goes back to OCI; restart vcnd to use the node"
                " again",
            )
        aim = Phase.DRAINING if on else Phase.SERVING
        if phase is not aim:
            pool.conditions.enter(aim)
            pool.signals.ring()
            log.info("drain_begun" if on else "drain_undone")
            self._kept = trio.Event()
            # A disk that refuses must not keep a node from being drained.
            await self._journal.write_in_any_case(DrainSet(on), self._kept.set)
            with trio.move_on_after(DISK_SECONDS):
                await self._kept.wait()
        leases = sorted(pool.ledger.leases(), key=lambda lease: lease.key)
        return DrainStatus(
            draining=pool.is_draining,
            pods=tuple(str(lease.pod) or str(lease.key) for lease in leases),
            held=sum(p.size for p in pool.ledger.private_ips()),
            kept=self._kept.is_set(),
        )
