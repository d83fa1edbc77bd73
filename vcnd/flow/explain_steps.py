"""The parts of a pod's way, each as a value: what is done, what failed and why."""

from collections.abc import Sequence

import trio

from vcnd.core.problems import Problem, retry_in
from vcnd.flow.broken import broken
from vcnd.flow.pool import Pool
from vcnd.flow.reasons import why_broken, why_empty
from vcnd.flow.shortage import find_shortage
from vcnd.model.cause import Cause
from vcnd.model.drift import Drift
from vcnd.model.errors import RequestRefusedError
from vcnd.model.ids import VnicId
from vcnd.model.place import POLICIES, Place, PlaceKind
from vcnd.model.pod_explained import PastCall, Stage, Step, Verdict
from vcnd.model.sandbox import BoundPod, Lease, PodRef

OF_NODE = (
    PlaceKind.KERNEL,
    PlaceKind.FIREWALL,
    PlaceKind.SETTINGS,
    PlaceKind.KUBE_PROXY,
)
"""Places whose problems concern the packets of all pods."""
STAGES = {
    Cause.BAD_REQUEST: Stage.REQUEST,
    Cause.DISK_REFUSED: Stage.LEASE,
    Cause.KERNEL_REFUSED: Stage.LINK,
    Cause.LINK_MISSING: Stage.LINK,
    Cause.DEFECT: Stage.LEASE,
    Cause.OVERTAKEN: Stage.LEASE,
}
"""Where an ADD fails by a cause; by all others it gets no address."""
MOST_DRIFTS = 5
"""So many differences are named; a number tells of the rest."""


def ok(stage: Stage, what: str, reason: str = "") -> Step:
    """Return a part that is done."""
    return Step(stage=stage, verdict=Verdict.OK, what=what, reason=reason)


def not_reached(stage: Stage) -> Step:
    """Return a part that an earlier one keeps away."""
    return Step(stage=stage, verdict=Verdict.NOT_REACHED)


def failed_by(
    stage: Stage, problem: Problem, verdict: Verdict = Verdict.FAILED
) -> Step:
    """Return a part that a problem keeps away."""
    now = trio.current_time()
    return Step(
        stage=stage,
        verdict=verdict,
        what=str(problem.place),
        cause=problem.cause,
        reason=problem.reason,
        seconds=round(now - problem.since, 1),
        retry_seconds=retry_in(problem, now),
    )


def bound(pool: Pool, pod: BoundPod | None) -> Step:
    """Return whether Kubernetes has bound a pod to this node."""
    unknown = Step(stage=Stage.BOUND, verdict=Verdict.UNKNOWN)
    if pod is not None:
        return ok(Stage.BOUND, pod.pod.uid)
    if not pool.demand.follows_kubernetes:
        problem = _problem_of(pool, PlaceKind.CLUSTER)
        if problem is not None:
            return failed_by(Stage.BOUND, problem, Verdict.UNKNOWN)
        return _with(unknown, "vcnd has read no pods from Kubernetes")
    return _with(unknown, "Kubernetes lists no such pod on this node now")


def _with(step: Step, reason: str) -> Step:
    return Step(stage=step.stage, verdict=step.verdict, reason=reason)


def request(pool: Pool, pod: BoundPod | None) -> Step:
    """Return whether a pod may have what its annotations request."""
    stage = Stage.REQUEST
    if pod is None:
        reason = "its annotations are known only while Kubernetes lists the pod here"
        return Step(stage=stage, verdict=Verdict.UNKNOWN, reason=reason)
    try:
        grant = pool.demand.grant(pod.pod, pod.request)
    except RequestRefusedError as error:
        return Step(
            stage=stage,
            verdict=Verdict.FAILED,
            what="annotations",
            cause=error.cause,
            reason=str(error),
        )
    families = " and ".join(grant.families)
    name = f"class {grant.pod_class.name}" if grant.pod_class.name else "the own class"
    fixed = f", fixed address {grant.fixed}" if grant.fixed else ""
    return ok(stage, name, f"{families}{fixed}")


def address(pool: Pool, ref: PodRef, pod: BoundPod | None, lease: Lease | None) -> Step:
    """Return whether there is an address for a pod, and why not."""
    stage = Stage.ADDRESS
    if lease is not None:
        return ok(stage, " ".join(lease.addresses))
    grant = pool.demand.grant_for(ref, pod)
    if grant is None:
        return not_reached(stage)
    if pool.has_free_for(grant):
        return ok(stage, "", "an address is free: it is the runtime's turn to call ADD")
    shortage = find_shortage(pool, grant)
    is_pending = shortage.cause is Cause.PENDING
    verdict, reason = (
        Verdict.WAITING if is_pending else Verdict.FAILED,
        why_empty(pool, grant),
    )
    if shortage.problem is None:
        what = " ".join(grant.pod_class.subnet_ids)
        return Step(
            stage=stage, verdict=verdict, what=what, cause=shortage.cause, reason=reason
        )
    return failed_by(stage, shortage.problem, verdict)


def lease(found: Lease | None, calls: Sequence[PastCall]) -> Step:
    """Return whether a pod's sandbox holds its addresses."""
    stage = Stage.LEASE
    if found is not None:
        return ok(stage, str(found.key))
    last = next((c for c in calls if c.command in ("ADD", "DEL")), None)
    if last is None:
        return not_reached(stage)
    if last.command == "DEL":
        reason = "DEL has ended it: the addresses cool, and serve other pods then"
        return Step(
            stage=stage, verdict=Verdict.ENDED, what=last.sandbox, reason=reason
        )
    if last.cause is None:
        reason = "an audit has ended it: the sandbox or its link was gone"
        return Step(
            stage=stage, verdict=Verdict.ENDED, what=last.sandbox, reason=reason
        )
    return not_reached(stage)


def with_failure(way: Sequence[Step], calls: Sequence[PastCall]) -> list[Step]:
    """Return a pod's way with what its last ADD failed by, if it failed.

    Args:
        way: the parts of a pod without a lease.
        calls: the pod's, the latest first.
    """
    last = next((c for c in calls if c.command in ("ADD", "DEL")), None)
    if last is None or last.cause is None:
        return [*way]
    stage = STAGES.get(last.cause, Stage.ADDRESS)
    failed = Step(
        stage=stage,
        verdict=Verdict.FAILED,
        what=last.sandbox,
        cause=last.cause,
        reason=last.reason,
        seconds=last.seconds_ago,
    )
    # What is known of a pod that needs an address now is newer.
    open_stages = (Verdict.NOT_REACHED, Verdict.UNKNOWN)
    return [
        failed if step.stage is stage and step.verdict in open_stages else step
        for step in way
    ]


def of_lease(
    pool: Pool, found: Lease | None, kernel: Sequence[Drift] | str
) -> list[Step]:
    """Return the parts after the lease: VNIC, NSGs, link, and the node's own."""
    if found is None:
        return [*map(not_reached, (Stage.VNIC, Stage.NSGS, Stage.LINK, Stage.NODE))]
    return [
        _vnic(pool, found),
        _nsgs(pool, found),
        _link(found, kernel),
        _node(pool, found, kernel),
    ]


def _vnic(pool: Pool, found: Lease) -> Step:
    stage, fault = Stage.VNIC, broken(pool, found)
    slots = [*pool.slots_of(found).values()]
    what = " ".join(dict.fromkeys(s.vnic.id for s in slots))
    if fault is not None:
        return Step(
            stage=stage,
            verdict=Verdict.FAILED,
            what=fault.vnic_id or fault.address,
            cause=fault.cause,
            reason=why_broken(fault),
        )
    if any(s.vnic.id in pool.vnics.doubted for s in slots):
        reason = "OCI's last list lacked the VNIC; it is read again soon"
        cause = Cause.NOT_LISTED
        return Step(
            stage=stage,
            verdict=Verdict.UNKNOWN,
            what=what,
            cause=cause,
            reason=reason,
        )
    numbers = " ".join(str(s.index) for s in slots)
    networks = " ".join(dict.fromkeys(s.vnic.subnet_cidr for s in slots))
    return ok(stage, what, f"number {numbers} of this node, {networks}")


def _nsgs(pool: Pool, found: Lease) -> Step:
    """Return whether the VNIC is in its NSGs, by the last audit."""
    stage = Stage.NSGS
    vnics = [*pool.vnics_of(found).values()]
    for vnic_id in vnics:
        problem = pool.problems.at(Place(kind=PlaceKind.NSGS, vnic_id=vnic_id))
        if problem is not None:
            return failed_by(stage, problem)
    classes = pool.demand.classes()
    mine = [classes.get(pool.vnics.class_of(VnicId(v))) for v in vnics]
    nsgs = dict.fromkeys(n for c in mine if c is not None for n in c.nsg_ids)
    at = pool.conditions.confirmed_at
    if not pool.conditions.observed:
        reason = "OCI has not been compared since the daemon's start"
        return Step(
            stage=stage, verdict=Verdict.UNKNOWN, what=" ".join(nsgs), reason=reason
        )
    ago = trio.current_time() - at
    return ok(stage, " ".join(nsgs) or "none", f"by the audit {ago:.0f} s ago")


def _link(found: Lease, kernel: Sequence[Drift] | str) -> Step:
    if found.wiring is None:
        reason = "the plugin of the chain that called vcnd wires the pod"
        return Step(stage=Stage.LINK, verdict=Verdict.OFF, reason=reason)
    mine = kernel if isinstance(kernel, str) else _of_pod(found, kernel)
    return _compared(Stage.LINK, found.wiring.ifname, mine)


def _node(pool: Pool, found: Lease, kernel: Sequence[Drift] | str) -> Step:
    problem = next((p for p in pool.problems if p.place.kind in OF_NODE), None)
    if problem is not None:
        return failed_by(Stage.NODE, problem)
    if isinstance(kernel, str):
        return _compared(Stage.NODE, "", kernel)
    mine = _of_pod(found, kernel)
    others = [d for d in kernel if d not in mine and not _is_of_a_pod(pool, d)]
    return _compared(Stage.NODE, "rules, routes, tables, VNICs' links", others)


def _of_pod(found: Lease, drifts: Sequence[Drift]) -> list[Drift]:
    """Return the differences that concern one pod."""
    ifname = found.wiring.ifname if found.wiring else ""
    names = {ifname, *found.addresses} - {""}
    return [d for d in drifts if d.link == ifname or names & {*d.what.split()}]


def _is_of_a_pod(pool: Pool, drift: Drift) -> bool:
    leases = pool.ledger.leases()
    return any(_of_pod(found, [drift]) for found in leases if found.wiring)


def _compared(stage: Stage, what: str, drifts: Sequence[Drift] | str) -> Step:
    """Return what a comparison with the kernel has found."""
    if isinstance(drifts, str):
        return Step(stage=stage, verdict=Verdict.UNKNOWN, what=what, reason=drifts)
    if not drifts:
        return ok(stage, what)
    words = [
        f"{d.kind} {d.what}: {d.found or 'missing'}, not {d.wanted or 'there'}"
        for d in drifts[:MOST_DRIFTS]
    ]
    if len(drifts) > MOST_DRIFTS:
        words.append(f"{len(drifts) - MOST_DRIFTS} more")
    return Step(
        stage=stage,
        verdict=Verdict.FAILED,
        what=drifts[0].link or drifts[0].what,
        cause=Cause.KERNEL_DIFFERS,
        reason=f"{'; '.join(words)}; the daemon restores it at its next audit, or do it"
        " now: vcndctl audit --repair",
    )


def policy(pool: Pool, found: Lease | None, *, enforced: bool) -> Step:
    """Return whether vcnd-policy answers for the pods of this node."""
    stage = Stage.POLICY
    if not enforced:
        reason = "[policy] enforcement is off, or another program enforces policies"
        return Step(stage=stage, verdict=Verdict.OFF, reason=reason)
    if found is None:
        return not_reached(stage)
    problem = pool.problems.at(POLICIES)
    return ok(stage, "vcnd-policy") if problem is None else failed_by(stage, problem)


def _problem_of(pool: Pool, kind: PlaceKind) -> Problem | None:
    return next((p for p in pool.problems if p.place.kind is kind), None)
