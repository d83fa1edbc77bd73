"""The metrics of the pool, of problems, and of the express lane."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_network
from math import inf

import trio
from msgspec.structs import asdict

from vcnd.core.labels import bounded
from vcnd.core.networks import RESERVED_ADDRESSES
from vcnd.core.states import Counts
from vcnd.flow.broken import broken_pods
from vcnd.flow.pool import Pool
from vcnd.flow.status import is_leaving, may_add
from vcnd.model.drift import DriftKind
from vcnd.model.express import ExpressState
from vcnd.model.family import Family
from vcnd.model.ids import ClassName
from vcnd.model.metrics import Metric, MetricFamily, counter, gauge

MOST_CLASSES = 16
"""Further classes of pods count as one: pods may request ever new ones."""
MOST_SUBNETS = 16
OWN = "_own"
"""Stands for the node's own class, which has no name."""
EXPRESS, ORDINARY = "express", "ordinary"

SERVING = gauge(
    "vcnd_serving",
    "1 if ADD can succeed, for all that the node knows; 0 without a VNIC for pods,"
    " while the journal's disk refuses, and while vcnd_draining is 1.",
)
DRAINING = gauge(
    "vcnd_draining",
    "1 while the node is drained or released: somebody wants no new pods there.",
)
WAITING = gauge("vcnd_cni_calls_waiting", "ADDs that wait for an address now.")
ADDRESSES = gauge(
    "vcnd_pool_addresses",
    "Addresses of this node by class of pods, family and state; doubted has those that"
    " are being added, too.",
    *("class", "family", "state"),
)
DEMAND = gauge(
    "vcnd_pool_demand_pods",
    "Pods that have an address of the first family, or need one.",
)
TARGET = gauge(
    "vcnd_pool_target_addresses",
    "Addresses of the first family that the node should hold.",
)
MAXIMUM = gauge(
    "vcnd_pool_maximum_addresses", "Addresses of a family that the node may hold."
)
MAX_PODS = gauge(
    "vcnd_kubelet_max_pods", "Pods that kubelet takes; 0 while that is not known."
)
SHAPE_ADDRESSES = gauge(
    "vcnd_shape_addresses",
    "Addresses for pods that the VNICs of the shape hold, by family; 0: not known.",
    "family",
)
VNICS = gauge("vcnd_vnics", "VNICs for pods on this node, by class of pods.", "class")
VNICS_ATTACHED = gauge(
    "vcnd_vnics_attached", "VNICs of the instance, its primary one included."
)
VNICS_LIMIT = gauge(
    "vcnd_vnics_limit", "VNICs that the shape takes; 0 while that is not known."
)
SUBNET_HELD = gauge(
    "vcnd_subnet_held_addresses",
    "IPv4 addresses of a pod subnet that this node holds, with those of its VNICs.",
    "subnet_id",
)
SUBNET_SIZE = gauge(
    "vcnd_subnet_size_addresses",
    "IPv4 addresses of a pod subnet that OCI gives out in all (first CIDR block).",
    "subnet_id",
)
BROKEN = gauge("vcnd_broken_pods", "Pods whose network cannot work, by cause.", "cause")
PROBLEMS = gauge(
    "vcnd_problems", "Problems now, by place and cause.", *("kind", "cause")
)
PROBLEMS_REPORTED = counter(
    "vcnd_problems_reported",
    "Problems that began or changed, by place and cause.",
    *("kind", "cause"),
)
REPAIRS = counter(
    "vcnd_repairs",
    "Differences that were repaired between journal, kernel, cloud and pods, by kind.",
    "kind",
)
AUDITED = gauge(
    "vcnd_cloud_audit_timestamp_seconds",
    "When the audit began that last agreed with OCI; 0 before the first.",
)
EXPRESS_ON = gauge("vcnd_express_on", "1 if the express lane is on.")
EXPRESS_PODS = gauge("vcnd_express_pods", "Pods that use the express lane.")
EXPRESS_FLOWS = gauge(
    "vcnd_express_flows",
    "Directions of connections in the express lane; some may have ended.",
)
EXPRESS_PACKETS = counter(
    "vcnd_express_packets",
    "Packets of these pods by the way they took, since the lane was last loaded.",
    "way",
)
METRICS: tuple[Metric, ...] = (
    *(SERVING, DRAINING, WAITING, ADDRESSES, DEMAND, TARGET, MAXIMUM),
    *(MAX_PODS, SHAPE_ADDRESSES),
    *(VNICS, VNICS_ATTACHED, VNICS_LIMIT, SUBNET_HELD, SUBNET_SIZE),
    *(BROKEN, PROBLEMS, PROBLEMS_REPORTED, REPAIRS, AUDITED),
    *(EXPRESS_ON, EXPRESS_PODS, EXPRESS_FLOWS, EXPRESS_PACKETS),
)


def families(
    pool: Pool,
    lane: ExpressState,
    restored: Mapping[DriftKind, int],
    wall_clock: Callable[[], float],
) -> Iterator[MetricFamily]:
    """Yield the metrics.

    Args:
        pool: the node's state.
        lane: the express lane's.
        restored: what was restored in the kernel.
        wall_clock: Unix time.
    """
    yield SERVING.single(may_add(pool))
    yield DRAINING.single(is_leaving(pool))
    yield WAITING.single(pool.demand.waiting)
    yield from _addresses(pool)
    yield from _vnics(pool)
    yield from _problems(pool, wall_clock)
    repairs = Counter(pool.repairs.counts()) + Counter(restored)
    yield REPAIRS.by_label({kind: repairs[kind] for kind in DriftKind})
    yield from _express(lane)


def _addresses(pool: Pool) -> Iterator[MetricFamily]:
    found: dict[tuple[str, ...], float] = {}
    for (name, family), counts in _counts(pool).items():
        for state, number in asdict(counts).items():
            found[name or OWN, family, state] = number
    yield ADDRESSES.by_labels(bounded(found, MOST_CLASSES))
    yield DEMAND.single(pool.demand_count)
    yield TARGET.single(pool.target)
    yield MAXIMUM.single(pool.policy.maximum)
    yield MAX_PODS.single(pool.max_pods or 0)
    yield SHAPE_ADDRESSES.by_label(
        {f: pool.most_addresses(f) for f in pool.demand.families()}
        if pool.vnics.limit
        else {}
    )


def _counts(pool: Pool) -> Mapping[tuple[ClassName, Family], Counts]:
    """Return the addresses by class and family, the node's own class first."""
    needs = pool.demand.by_class(s.vnic.pod_class for s in pool.vnics.pod_slots)
    names = sorted(need.pod_class.name for need in needs)
    families = pool.demand.families()
    return {(n, f): pool.class_counts(n, f) for n in names for f in families}


def _vnics(pool: Pool) -> Iterator[MetricFamily]:
    slots = pool.vnics.pod_slots
    by_class = Counter((s.vnic.pod_class or OWN,) for s in slots)
    first = dict(sorted(by_class.items()))
    yield VNICS.by_labels(bounded(first, MOST_CLASSES))
    yield VNICS_ATTACHED.single(pool.vnics.attached)
    yield VNICS_LIMIT.single(pool.vnics.limit)
    held: Counter[tuple[str, ...]] = Counter()
    sizes: dict[tuple[str, ...], float] = {}
    per_vnic = pool.ledger.per_vnic()
    for vnic in (slot.vnic for slot in slots):
        addresses = per_vnic.get(vnic.id, [])
        held[(vnic.subnet_id,)] += 1 + sum(
            p.size for p in addresses if p.family is Family.IPV4
        )
        size = ip_network(vnic.subnet_cidr).num_addresses - RESERVED_ADDRESSES
        sizes[(vnic.subnet_id,)] = size
    yield SUBNET_HELD.by_labels(bounded(held, MOST_SUBNETS))
    yield SUBNET_SIZE.by_labels(bounded(sizes, MOST_SUBNETS))


def _problems(pool: Pool, wall_clock: Callable[[], float]) -> Iterator[MetricFamily]:
    yield BROKEN.by_label(Counter(b.cause for b in broken_pods(pool)))
    now = Counter((p.place.kind, p.cause) for p in pool.problems)
    yield PROBLEMS.by_labels(now)
    yield PROBLEMS_REPORTED.by_labels(pool.problems.reported)
    confirmed = pool.conditions.confirmed_at
    since = trio.current_time() - confirmed
    yield AUDITED.single(wall_clock() - since if confirmed > -inf else 0.0)


def _express(lane: ExpressState) -> Iterator[MetricFamily]:
    yield EXPRESS_ON.single(lane.on)
    yield EXPRESS_PODS.single(lane.pods)
    yield EXPRESS_FLOWS.single(lane.flows)
    yield EXPRESS_PACKETS.by_label(
        {EXPRESS: lane.express_packets, ORDINARY: lane.ordinary_packets}
    )
