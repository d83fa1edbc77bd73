"""Can an ADD succeed now, and if not, why?  And the whole state, for vcndctl."""

from dataclasses import asdict
from typing import Any

import trio

from vcnd.flow.broken import broken_pods
from vcnd.flow.pool import Pool
from vcnd.flow.reasons import why_broken, why_empty
from vcnd.flow.shortage import find_shortage
from vcnd.model.errors import NotServingError


def ready(pool: Pool) -> None:
    """Raise ``NotServingError`` when ADD cannot succeed (CNI STATUS).

    A want of addresses is no reason: STATUS failing makes the whole node
    NotReady and evicts the pods that run well (CNI 1.1, "STATUS").
    """
    if not pool.conditions.observed and not pool.vnics.pod_slots:
        raise NotServingError(
            "the node has no VNIC for pods yet",
            details=why_empty(pool),
            cause=find_shortage(pool).cause,
        )


def report(pool: Pool) -> dict[str, Any]:
    """Return the node's state, as ``vcndctl status --json`` prints it."""
    now = trio.current_time()
    counts = {family: pool.counts(family) for family in pool.demand.families()}
    per_vnic = pool.ledger.per_vnic()
    return {
        "pool": {
            **asdict(counts[pool.family]),
            "demand": pool.demand_count,
            "target": pool.target,
            "waiting": pool.demand.waiting,
        },
        "families": {family: asdict(n) for family, n in counts.items()},
        "vnics": [
            {
                "index": slot.index,
                "id": slot.vnic.id,
                "mac": slot.vnic.mac,
                "address": slot.vnic.address,
                "ipv6": slot.vnic.ipv6,
                "subnet_id": slot.vnic.subnet_id,
                "subnet_cidr": slot.vnic.subnet_cidr,
                "class": slot.vnic.pod_class,
                "primary": slot.is_primary,
                "addresses": sum(p.size for p in per_vnic.get(slot.vnic.id, [])),
                "blocks": [
                    f"{p.address}/{p.prefix_length}"
                    for p in per_vnic.get(slot.vnic.id, [])
                    if p.size > 1
                ],
            }
            for slot in sorted(pool.vnics.slots.values(), key=lambda s: s.index)
        ],
        "vnic_limit": pool.vnics.limit,
        "cloud_observed": pool.conditions.observed,
        "leases": [
            {
                "network": lease.key.network,
                "container_id": lease.key.container_id,
                "ifname": lease.key.ifname,
                "address": lease.address,
                "addresses": lease.addresses,
                "host_ifname": lease.wiring.ifname if lease.wiring else "",
                "pod": str(lease.pod),
            }
            for lease in sorted(pool.ledger.leases(), key=lambda x: x.key)
        ],
        "broken": [
            {
                "pod": str(b.lease.pod),
                "container_id": b.lease.key.container_id,
                "ifname": b.lease.key.ifname,
                "address": b.address,
                "cause": b.cause,
                "reason": why_broken(b),
            }
            for b in broken_pods(pool)
        ],
        "problems": [
            {
                "what": str(p.place),
                "kind": p.place.kind,
                "vnic_id": p.place.vnic_id,
                "family": p.place.family,
                "class": p.place.pod_class,
                "name": p.place.name,
                "cause": p.cause,
                "reason": p.reason,
                "since_seconds": round(now - p.since, 1),
                "seconds_ago": round(now - p.last_seen, 1),
                "count": p.count,
            }
            for p in pool.problems
        ],
    }
