"""CNI STATUS, and the node's state for vcndctl."""

from collections.abc import Iterator, Sequence

import msgspec
import trio
from msgspec.structs import asdict

from vcnd import __version__
from vcnd.core.problems import Problem, retry_in
from vcnd.core.target import target
from vcnd.flow.broken import BrokenPod, broken_pods
from vcnd.flow.conditions import Phase
from vcnd.flow.pool import Pool
from vcnd.flow.reasons import why_broken, why_empty
from vcnd.flow.shortage import find_shortage
from vcnd.model.audit import PastRepair
from vcnd.model.cause import Cause
from vcnd.model.errors import NotServingError
from vcnd.model.express import ExpressState
from vcnd.model.sandbox import Lease
from vcnd.model.status import (
    BrokenStatus,
    BudgetStatus,
    ClassStatus,
    ExpressStatus,
    FamilyStatus,
    LeaseStatus,
    NodeStatus,
    PoolStatus,
    ProblemStatus,
    VnicStatus,
)
from vcnd.model.vnic import PrivateIp, VnicSlot

RELEASE = (Phase.RELEASING, Phase.RELEASED)


def ready(pool: Pool) -> None:
    """Raise ``NotServingError`` if the node is none for pods (CNI STATUS).

    Missing addresses are no reason, nor is a drain or a full disk: a failing STATUS
    makes the whole node NotReady, so its running pods would be evicted (CNI 1.1,
    "STATUS").  A released node has no pods, and gets none before a restart.
    """
    if pool.conditions.phase in RELEASE:
        raise NotServingError(
            f"the node is {pool.conditions.phase} (vcndctl release)",
            details="it gives no addresses any more; restart vcnd to use it again",
            cause=Cause.RELEASED,
        )
    if not _has_vnic(pool):
        raise NotServingError(
            "the node has no VNIC for pods yet",
            details=why_empty(pool),
            cause=find_shortage(pool).cause,
        )


def may_add(pool: Pool) -> bool:
    """Return False if no ADD can succeed, however many addresses there are."""
    conditions = pool.conditions
    serves = conditions.phase is Phase.SERVING and conditions.disk_writes
    return serves and _has_vnic(pool)


def is_leaving(pool: Pool) -> bool:
    """Return True if the node serves no new pods because somebody wants it so."""
    return pool.conditions.phase is not Phase.SERVING


def _has_vnic(pool: Pool) -> bool:
    """Return True unless the node knows no VNIC that could have addresses."""
    return pool.conditions.observed or bool(pool.vnics.pod_slots)


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What the node's state has from others than the pool."""

    lane: ExpressState
    budget: BudgetStatus | None = None
    repaired: tuple[PastRepair, ...] = ()
    began: float = 0.0
    """When the daemon started, by the clock of the event loop."""
    policies: bool = False
    """True if network policies are enforced by vcnd-policy."""


def report(pool: Pool, others: Surroundings) -> NodeStatus:
    """Return the node's state, as ``vcndctl status`` shows it."""
    now, at = trio.current_time(), pool.conditions.confirmed_at
    counts = {family: pool.counts(family) for family in pool.demand.families()}
    slots = sorted(pool.vnics.slots.values(), key=lambda slot: slot.index)
    leases = sorted(pool.ledger.leases(), key=lambda lease: lease.key)
    per_vnic = pool.ledger.per_vnic()
    return NodeStatus(
        pool=PoolStatus(
            **asdict(counts[pool.family]),
            demand=pool.demand_count,
            target=pool.target,
            waiting=pool.demand.waiting,
        ),
        families={family: FamilyStatus(**asdict(n)) for family, n in counts.items()},
        vnics=tuple(_vnic(slot, per_vnic.get(slot.vnic.id, [])) for slot in slots),
        vnic_limit=pool.vnics.limit,
        cloud_observed=pool.conditions.observed,
        leases=tuple(_lease(lease) for lease in leases),
        express=express(others.lane),
        broken=tuple(_broken(found) for found in broken_pods(pool)),
        problems=problems(pool),
        trying=tuple(_problem(problem, now) for problem in pool.tries.problems()),
        classes=tuple(_classes(pool)),
        budget=others.budget,
        repaired=others.repaired,
        version=__version__,
        up_seconds=round(now - others.began, 1),
        compared_seconds=round(now - at, 1) if pool.conditions.observed else None,
        policies=others.policies,
        draining=pool.is_draining,
    )


def _classes(pool: Pool) -> Iterator[ClassStatus]:
    """Yield the addresses of each class and family; fixed ones are counted too."""
    for need in pool.demand.by_class(s.vnic.pod_class for s in pool.vnics.pod_slots):
        for family in pool.demand.families():
            holding = pool.holding(need, family)
            policy = pool.class_policy(need, family, holding)
            counts = pool.class_counts(need.pod_class.name, family)
            yield ClassStatus(
                pod_class=need.pod_class.name,
                family=family,
                subnet_ids=need.pod_class.subnet_ids,
                nsg_ids=need.pod_class.nsg_ids,
                **asdict(counts),
                wanted=need.wanted[family],
                target=target(holding.leased + holding.wanted, policy),
            )


def express(lane: ExpressState) -> ExpressStatus:
    """Return the express lane's state, as ``vcndctl express status`` shows it."""
    return ExpressStatus(
        on=lane.on,
        cause=lane.why.cause if lane.why else None,
        reason=lane.why.reason if lane.why else "",
        pods=lane.pods,
        flows=lane.flows,
        express_packets=lane.express_packets,
        ordinary_packets=lane.ordinary_packets,
    )


def problems(pool: Pool) -> tuple[ProblemStatus, ...]:
    """Return what is wrong now."""
    now = trio.current_time()
    return tuple(_problem(problem, now) for problem in pool.problems)


def _vnic(slot: VnicSlot, private_ips: Sequence[PrivateIp]) -> VnicStatus:
    vnic = slot.vnic
    return VnicStatus(
        index=slot.index,
        id=vnic.id,
        mac=vnic.mac,
        address=vnic.address,
        ipv6=vnic.ipv6,
        subnet_id=vnic.subnet_id,
        subnet_cidr=vnic.subnet_cidr,
        pod_class=vnic.pod_class,
        primary=slot.is_primary,
        addresses=sum(p.size for p in private_ips),
        blocks=tuple(p.notation for p in private_ips if p.size > 1),
    )


def _lease(lease: Lease) -> LeaseStatus:
    return LeaseStatus(
        network=lease.key.network,
        container_id=lease.key.container_id,
        ifname=lease.key.ifname,
        address=lease.address,
        addresses=lease.addresses,
        host_ifname=lease.wiring.ifname if lease.wiring else "",
        pod=str(lease.pod),
        express=lease.express,
    )


def _broken(found: BrokenPod) -> BrokenStatus:
    return BrokenStatus(
        pod=str(found.lease.pod),
        container_id=found.lease.key.container_id,
        ifname=found.lease.key.ifname,
        address=found.address,
        cause=found.cause,
        reason=why_broken(found),
    )


def _problem(problem: Problem, now: float) -> ProblemStatus:
    place = problem.place
    return ProblemStatus(
        what=str(place),
        kind=place.kind,
        vnic_id=place.vnic_id,
        family=place.family,
        pod_class=place.pod_class,
        name=place.name,
        cause=problem.cause,
        reason=problem.reason,
        since_seconds=round(now - problem.since, 1),
        seconds_ago=round(now - problem.last_seen, 1),
        count=problem.count,
        retry_seconds=retry_in(problem, now),
    )
