"""Demand before ADD: the pods that Kubernetes has bound here, told to the pool."""

from typing import Never

import trio

from vcnd.flow.pool import Pool
from vcnd.model.place import Place, PlaceKind
from vcnd.ports import Cluster

GATHER_SECONDS = 0.05
"""A burst of pods is bound one by one; one look at the pool hears them together."""


class Follower:
    """Keeps the pool's list of bound pods."""

    def __init__(self, *, pool: Pool, cluster: Cluster) -> None:
        self._pool = pool
        self._cluster = cluster

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Follow the cluster."""
        task_status.started()
        while True:
            # Before the first wait too: an earlier run may have ended after a change
            # and before its look.
            self._note_undecodable()
            pods = self._cluster.pods()
            if pods is not None:
                self._pool.wants.bind(pods)
            self._pool.ring()
            await self._cluster.until_changed()
            await trio.sleep(GATHER_SECONDS)

    def _note_undecodable(self) -> None:
        """Keep the problems of objects that were skipped as they are now."""
        places = {
            Place(kind=PlaceKind.CLUSTER_OBJECTS, name=kind): reason
            for kind, reason in self._cluster.undecodable().items()
        }
        self._pool.relieve(
            lambda p: p.kind is PlaceKind.CLUSTER_OBJECTS and p not in places
        )
        for place, reason in places.items():
            self._pool.trouble(place, reason)
