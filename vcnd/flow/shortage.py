"""Why no address is free, as values: a cause and its subject."""

import msgspec

from vcnd.core.problems import Problem
from vcnd.flow.conditions import Phase
from vcnd.flow.pool import Pool
from vcnd.model.cause import Cause
from vcnd.model.family import Family
from vcnd.model.place import attach_place
from vcnd.model.request import Grant
from vcnd.model.sandbox import Lease


class Shortage(msgspec.Struct, frozen=True, kw_only=True):
    """Why no address of a family is free."""

    family: Family
    cause: Cause
    problem: Problem | None = None
    """The problem behind it, if there is one."""
    holder: Lease | None = None
    """The lease of the fixed address, if a pod of this node has it."""


def find_shortage(pool: Pool, grant: Grant | None = None) -> Shortage:
    """Return why no address is free, for a grant or for any pod."""
    short = _short_family(pool, grant)
    if pool.conditions.phase is Phase.RELEASED:
        return Shortage(family=short, cause=Cause.RELEASED)
    if grant is not None and lacks_slot(pool, grant):
        return Shortage(family=short, cause=Cause.LIMIT_REACHED)
    holder = _holder(pool, grant)
    if holder is not None:
        return Shortage(family=short, cause=Cause.ADDRESS_HELD, holder=holder)
    problem = latest_problem(pool, short) or pool.tries.latest_problem()
    if problem is not None:
        return Shortage(family=short, cause=problem.cause, problem=problem)
    full = pool.counts(short).total >= pool.policy.maximum
    if pool.conditions.observed and full:
        return Shortage(family=short, cause=Cause.MAXIMUM_REACHED)
    return Shortage(family=short, cause=Cause.PENDING)


def _short_family(pool: Pool, grant: Grant | None) -> Family:
    """Return the family that is short, for a grant or for any pod."""
    families = pool.demand.network.families if grant is None else grant.families
    none_free = [f for f in families if not pool.counts(f).free]
    return none_free[0] if none_free else families[0]


def latest_problem(pool: Pool, short: Family | None = None) -> Problem | None:
    """Return the newest problem that can be why pods get no address.

    Args:
        pool: the node's pool.
        short: the family that is short; None for any.
    """
    problems = [
        problem
        for problem in pool.problems
        if problem.place.kind.costs_addresses
        and (short is None or problem.family in (None, short))
    ]
    return problems[-1] if problems else None


def lacks_slot(pool: Pool, grant: Grant) -> bool:
    """Return True if pods of other classes use every VNIC that the node can have."""
    wanted = grant.pod_class
    there = pool.tries.is_open(attach_place(wanted.name)) or any(
        s.vnic.pod_class == wanted.name for s in pool.vnics.pod_slots
    )
    full = pool.conditions.observed and pool.vnics.attached >= pool.vnics.limit
    # An unused VNIC makes way (``slots``).
    used = {s.vnic.id for s in pool.vnics.pod_slots} <= pool.ledger.vnics_leased()
    return bool(wanted.name) and full and used and not there


def _holder(pool: Pool, grant: Grant | None) -> Lease | None:
    """Return the lease of a pod of this node that has a grant's fixed address."""
    if grant is None or not grant.fixed:
        return None
    here = {p.address for p in pool.ledger.private_ips() if p.fixed == grant.fixed}
    for lease in pool.ledger.leases():
        if not here.isdisjoint(lease.addresses):
            return lease
    return None
