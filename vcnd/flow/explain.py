"""``vcndctl explain``: how far a pod has come on its way to a network, and why.

The way is read from what the daemon knows; only the kernel is asked.  Each part is a
value with a cause; ``vcndctl`` puts it in words.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec
import trio

from vcnd.core.call_history import CallHistory
from vcnd.flow import explain_steps as steps
from vcnd.flow.pool import Pool
from vcnd.model.drift import Drift
from vcnd.model.errors import VcndError
from vcnd.model.pod_explained import PodAnswer, PodExplained, PodQuestion
from vcnd.model.sandbox import BoundPod, Lease, PodRef


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one pod, or of one of its attachments."""

    pod: PodRef
    bound: BoundPod | None
    """None: Kubernetes has not bound it here, or is not followed."""
    lease: Lease | None


class Explainer:
    """Answers questions about pods; changes nothing."""

    def __init__(
        self,
        *,
        pool: Pool,
        differences: Callable[[], Awaitable[Sequence[Drift]]],
        calls: CallHistory,
        policies: bool,
    ) -> None:
        """Make it.

        Args:
            pool: the node's state.
            differences: compares the kernel with what should be there.
            calls: the pods' latest calls.
            policies: whether network policies are enforced by vcnd-policy.
        """
        self._pool = pool
        self._differences = differences
        self._calls = calls
        self._policies = policies

    async def explain(self, question: PodQuestion) -> PodAnswer:
        """Return how far the pods of a name have come."""
        found = self._find(question.pod)
        kernel = await self._kernel() if any(f.lease for f in found) else ()
        return PodAnswer(
            pods=tuple(self._explained(f, kernel) for f in found),
        )

    async def _kernel(self) -> Sequence[Drift] | str:
        """Return what differs in the kernel; a text where it cannot be compared."""
        try:
            return await self._differences()
        except (VcndError, OSError) as error:
            return str(error)

    def _find(self, name: str) -> list[Found]:
        """Return the attachments and pods of a name, those with a lease first."""
        demand = self._pool.demand
        leases = [x for x in self._pool.ledger.leases() if is_named(x.pod, name)]
        found = [
            Found(pod=x.pod, bound=demand.bound(x.pod.uid), lease=x)
            for x in sorted(leases, key=lambda x: x.key)
        ]
        known = {str(f.pod) for f in found}
        for pod, bound in demand.without_address():
            if is_named(pod, name) and str(pod) not in known:
                known.add(str(pod))
                found.append(Found(pod=pod, bound=bound, lease=None))
        for text in self._calls.pods():
            pod = pod_named(text)
            if is_named(pod, name) and text not in known:
                found.append(Found(pod=pod, bound=None, lease=None))
        return found

    def _explained(self, found: Found, kernel: Sequence[Drift] | str) -> PodExplained:
        pool, lease = self._pool, found.lease
        calls = self._calls.of(str(found.pod), trio.current_time())
        way = [
            steps.bound(pool, found.bound),
            steps.request(pool, found.bound),
            steps.address(pool, found.pod, found.bound, lease),
            steps.lease(lease, calls),
            *steps.of_lease(pool, lease, kernel),
            steps.policy(pool, lease, enforced=self._policies),
        ]
        if lease is None:
            way = steps.with_failure(way, calls)
        return PodExplained(
            pod=str(found.pod),
            uid=found.pod.uid,
            container_id=lease.key.container_id if lease else "",
            ifname=lease.key.ifname if lease else "",
            addresses=lease.addresses if lease else (),
            host_ifname=lease.wiring.ifname if lease and lease.wiring else "",
            steps=tuple(way),
            calls=calls,
        )


def is_named(pod: PodRef, name: str) -> bool:
    """Return True if a pod has a name, with or without its namespace."""
    return bool(pod.name) and name in (pod.name, str(pod))


def pod_named(text: str) -> PodRef:
    """Return the pod of ``namespace/name``."""
    namespace, _, name = text.partition("/")
    return PodRef(namespace=namespace, name=name)
