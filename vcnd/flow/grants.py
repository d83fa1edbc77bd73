"""The grant of a CNI call's pod: its request is found and judged."""

from collections.abc import Mapping

import trio

from vcnd.flow.pool import Pool
from vcnd.model.errors import TryAgainError
from vcnd.model.request import Grant, PodRequest
from vcnd.model.sandbox import PodRef
from vcnd.ports import Cluster

KNOWN_SECONDS = 5.0
"""kubelet may know a pod before vcnd does; a call waits this long for the news."""


class Grants:
    """Finds pods' requests, in the call or in Kubernetes, and judges them."""

    def __init__(self, *, pool: Pool, cluster: Cluster | None) -> None:
        self._pool = pool
        self._cluster = cluster

    async def of(self, pod: PodRef, told: Mapping[str, str] | None) -> Grant:
        """Return a pod's grant.

        Args:
            pod: the pod.
            told: its own annotations, if the runtime passes them.

        Raises:
            RequestRefusedError: its request is not allowed.
            TryAgainError: it may have a request, which cannot be read now.
        """
        return self._pool.demand.grant(pod, await self._request(pod, told))

    async def _request(self, pod: PodRef, told: Mapping[str, str] | None) -> PodRequest:
        told_alone = PodRequest(annotations=told or {})
        if self._cluster is None or not pod.name:
            return told_alone
        known = self._cluster.request(pod, told)
        if known is not None:
            return known
        may_request = self._pool.demand.may_request(pod.namespace)
        if not may_request and self._cluster.pods() is None:
            return told_alone  # Kubernetes is away: no news would arrive
        with trio.move_on_after(KNOWN_SECONDS):
            while known is None:
                await self._pool.demand.until_bound()
                known = self._cluster.request(pod, told)
        if known is not None:
            return known
        if may_request:
            # Wrong NSGs would be worse than no network.
            raise TryAgainError(
                f"the request of pod {pod} is not known yet",
                details="the API server has not shown it yet; the kubelet tries again",
            )
        return told_alone
