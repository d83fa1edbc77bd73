"""An ADD waits for an address until one is free or its patience ends."""

import trio

from vcnd.flow.conditions import Phase
from vcnd.flow.pool import Pool
from vcnd.flow.reasons import why_empty, why_no_slot
from vcnd.flow.shortage import find_shortage, lacks_slot
from vcnd.log import log
from vcnd.model.cause import Cause
from vcnd.model.errors import PoolEmptyError, TryAgainError
from vcnd.model.request import Grant
from vcnd.model.sandbox import PodRef, SandboxKey


async def wait_for_address(
    pool: Pool, key: SandboxKey, pod: PodRef, grant: Grant, patience_seconds: float
) -> tuple[str, ...]:
    """Return a free address of each granted family; wait for them if need be.

    The caller must not await between this return and ``ledger.lease``, so that they
    are still free.
    """
    found = _take(pool, key, pod, grant)
    if found is not None:
        return found
    if lacks_slot(pool, grant):
        raise PoolEmptyError(
            "the pod's request cannot be met",
            details=why_no_slot(pool, grant),
            cause=Cause.LIMIT_REACHED,
        )
    began = trio.current_time()
    with (
        pool.demand.waiting_for(key, pod, grant),
        trio.move_on_after(patience_seconds),
    ):
        pool.signals.ring()
        while found is None:
            await pool.signals.arrival()
            found = _take(pool, key, pod, grant)
    waited = trio.current_time() - began
    if found is None:
        raise PoolEmptyError(
            f"no free VCN address after {waited:.0f} s",
            details=why_empty(pool, grant),
            cause=find_shortage(pool, grant).cause,
        )
    log.info(
        "address_waited_for",
        sandbox=str(key),
        seconds=round(waited, 3),
    )
    return found


def _take(
    pool: Pool, key: SandboxKey, pod: PodRef, grant: Grant
) -> tuple[str, ...] | None:
    match pool.conditions.phase:
        case Phase.RELEASED:
            raise TryAgainError(
                "the node was released (vcndctl release)",
                details="it gives no addresses any more; restart vcnd to use it again",
                cause=Cause.RELEASED,
            )
        case Phase.RELEASING:
            raise TryAgainError(
                "the node is being released (vcndctl release)",
                details="its addresses go back to OCI; let pods run on other nodes",
                cause=Cause.RELEASED,
            )
        case Phase.DRAINING:
            raise TryAgainError(
                "the node is being drained (vcndctl drain)",
                details="let pods run on other nodes, or end it: vcndctl drain --undo",
                cause=Cause.RELEASED,
            )
        case Phase.SERVING:
            return pool.take(key, grant, pod.uid)
