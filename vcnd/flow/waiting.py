"""Waiting for addresses, and why there are none."""

import structlog
import trio

from vcnd.core.problems import Problem
from vcnd.flow.conditions import Phase
from vcnd.flow.pool import Pool
from vcnd.model.errors import PoolEmptyError, TryAgainError
from vcnd.model.family import Family
from vcnd.model.request import Grant
from vcnd.model.sandbox import PodRef, SandboxKey
from vcnd.model.trace import TRACE

log = structlog.get_logger()


async def wait_for_address(
    pool: Pool, key: SandboxKey, pod: PodRef, grant: Grant, patience_seconds: float
) -> tuple[str, ...]:
    """Return a free address of each family claimed, waiting for them if need be.

    There is no await between the return of this and the caller's
    ``ledger.lease``: they are still free then.
    """
    found = _take(pool, key, grant)
    if found is not None:
        return found
    no_slot = _no_slot(pool, grant)
    if no_slot:
        raise PoolEmptyError("the pod's wish cannot be met", details=no_slot)
    began = trio.current_time()
    with (
        pool.demand.waiting_for(key, pod, grant),
        trio.move_on_after(patience_seconds),
    ):
        pool.signals.ring()
        while found is None:
            await pool.signals.arrival()
            found = _take(pool, key, grant)
    waited = trio.current_time() - began
    if found is None:
        raise PoolEmptyError(
            f"no free VCN address after {waited:.0f} s",
            details=why_empty(pool, grant),
        )
    log.info(
        "address_waited_for",
        sandbox=str(key),
        seconds=round(waited, 3),
        trace=TRACE.get(),
    )
    return found


def _take(pool: Pool, key: SandboxKey, grant: Grant) -> tuple[str, ...] | None:
    match pool.conditions.phase:
        case Phase.RELEASED:
            raise TryAgainError(
                "the node was released (vcndctl release)",
                details="it gives no addresses any more; restart vcnd to use it again",
            )
        case Phase.RELEASING:
            raise TryAgainError(
                "the node is being released (vcndctl release)",
                details="its addresses go back to OCI; let pods run on other nodes",
            )
        case Phase.SERVING:
            return pool.take(key, grant)


def why_empty(pool: Pool, grant: Grant | None = None) -> str:
    """Say in words why no address is free, for a grant or for any pod."""
    short = short_family(pool, grant)
    counts = pool.counts(short)
    held = f"{counts.leased} leased, {counts.cooling} cooling, target {pool.target}"
    if len(pool.demand.network.families) > 1:
        held = f"{short}: {held}"
    if pool.conditions.phase is Phase.RELEASED:
        return "the node was released (vcndctl release); restart vcnd to use it again"
    special = grant is not None and (_no_slot(pool, grant) or _held_here(pool, grant))
    if special:
        return special
    last = latest_problem(pool, short)
    if last is not None:
        return f"{last.what}: {last.reason} ({held})"
    if not pool.conditions.observed:
        return f"the cloud has not been reached yet ({held})"
    if counts.total >= pool.policy.maximum:
        return f"the node holds its maximum of {pool.policy.maximum} ({held})"
    return f"addresses are on their way ({held})"


def short_family(pool: Pool, grant: Grant | None) -> Family:
    """Return the family that is short, for a grant or for any pod."""
    families = pool.demand.network.families if grant is None else grant.families
    none_free = [f for f in families if not pool.counts(f).free]
    return none_free[0] if none_free else families[0]


def latest_problem(pool: Pool, short: Family) -> Problem | None:
    """Return why a family may be short: of these problems the one that began last."""
    problems = [
        problem
        for problem in pool.problems
        if problem.place.kind.costs_addresses and problem.family in (None, short)
    ]
    return problems[-1] if problems else None


def _no_slot(pool: Pool, grant: Grant) -> str:
    """Say that the node takes no VNIC of a pod's class, where that is so."""
    wanted = grant.pod_class
    there = any(s.vnic.pod_class == wanted.name for s in pool.vnics.pod_slots)
    full = pool.conditions.observed and pool.vnics.attached >= pool.vnics.limit
    if there or not full or not wanted.name:
        return ""
    return (
        f"the shape takes {pool.vnics.limit} VNICs and all are attached: pods of"
        f" subnet {', '.join(wanted.subnet_ids)} and NSGs"
        f" {', '.join(wanted.nsg_ids) or 'none'} need one of their own, which comes"
        " when another is given back; or let them run on nodes with more VNICs"
    )


def _held_here(pool: Pool, grant: Grant) -> str:
    """Say which pod of this node has a fixed address, where one has it."""
    if not grant.fixed:
        return ""
    here = {p.address for p in pool.ledger.private_ips() if p.fixed == grant.fixed}
    for lease in pool.ledger.leases():
        if not here.isdisjoint(lease.addresses):
            return f"fixed address {grant.fixed} is with pod {lease.pod} here"
    return ""
