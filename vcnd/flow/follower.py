"""Demand before ADD: pods that Kubernetes has bound here become demand."""

from collections.abc import Mapping
from typing import Never

import trio

from vcnd.flow.pool import Pool
from vcnd.model.cause import Cause, Fault
from vcnd.model.place import CLUSTER_WRITES, Place, PlaceKind
from vcnd.ports import Cluster

GATHER_SECONDS = 0.05
"""A burst of pods is bound one by one; changes are gathered for this long."""
EARLY_SECONDS = 0.01
"""And for this long where other nodes are told at once."""


class Follower:
    """Keeps the pool's list of bound pods."""

    def __init__(self, *, pool: Pool, cluster: Cluster, early: bool = False) -> None:
        """Make it.

        Args:
            pool: has the list.
            cluster: is followed.
            early: whether other nodes are told the pods' addresses at once.
        """
        self._pool = pool
        self._cluster = cluster
        self._early = early

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Follow the cluster."""
        task_status.started()
        while True:
            # Before the first wait too: an earlier run may have ended between a change
            # and its reconcile.
            self._note_problems()
            self._bind()
            self._pool.signals.ring()
            await self._cluster.until_changed()
            await self._gather()

    def _bind(self) -> None:
        pods = self._cluster.pods()
        if pods is not None:
            self._pool.demand.bind(pods)

    async def _gather(self) -> None:
        """Gather changes; the tasks that write to Kubernetes hear of pods meanwhile."""
        if not self._early:
            await trio.sleep(GATHER_SECONDS)
            return
        with trio.move_on_after(GATHER_SECONDS):
            while True:
                self._bind()
                self._pool.signals.note_news()
                await trio.sleep(EARLY_SECONDS)
                await self._cluster.until_changed()

    def _note_problems(self) -> None:
        """Report objects that are not followed or were skipped; clear old reports."""
        self._keep(PlaceKind.CLUSTER, self._cluster.unfollowed())
        skipped = self._cluster.undecodable()
        self._keep(
            PlaceKind.CLUSTER_OBJECTS,
            {kind: Fault(Cause.MALFORMED, why) for kind, why in skipped.items()},
        )

    def _keep(self, kind: PlaceKind, faults: Mapping[str, Fault]) -> None:
        places = {Place(kind=kind, name=n): fault for n, fault in faults.items()}
        self._pool.problems.clear_where(
            lambda p: p.kind is kind and p != CLUSTER_WRITES and p not in places
        )
        for place, fault in places.items():
            self._pool.problems.report(place, fault.cause, fault.reason)
