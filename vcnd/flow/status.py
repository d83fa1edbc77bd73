"""CNI STATUS, and the node's state for vcndctl."""

from collections.abc import Sequence

import trio
from msgspec.structs import asdict

from vcnd.core.problems import Problem
from vcnd.flow.broken import BrokenPod, broken_pods
from vcnd.flow.pool import Pool
from vcnd.flow.reasons import why_broken, why_empty
from vcnd.flow.shortage import find_shortage
from vcnd.model.errors import NotServingError
from vcnd.model.express import ExpressState
from vcnd.model.sandbox import Lease
from vcnd.model.status import (
    BrokenStatus,
    ExpressStatus,
    FamilyStatus,
    LeaseStatus,
    NodeStatus,
    PoolStatus,
    ProblemStatus,
    VnicStatus,
)
from vcnd.model.vnic import PrivateIp, VnicSlot


def ready(pool: Pool) -> None:
    """Raise ``NotServingError`` if ADD cannot succeed (CNI STATUS).

    Missing addresses are no reason: a failing STATUS makes the whole node NotReady, so
    its running pods would be evicted (CNI 1.1, "STATUS").
    """
    if not pool.conditions.observed and not pool.vnics.pod_slots:
        raise NotServingError(
            "the node has no VNIC for pods yet",
            details=why_empty(pool),
            cause=find_shortage(pool).cause,
        )


def report(pool: Pool, lane: ExpressState) -> NodeStatus:
    """Return the node's state, as ``vcndctl status`` shows it."""
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
        express=express(lane),
        broken=tuple(_broken(found) for found in broken_pods(pool)),
        problems=problems(pool),
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
        blocks=tuple(
            f"{p.address}/{p.prefix_length}" for p in private_ips if p.size > 1
        ),
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
    )
