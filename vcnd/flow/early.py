"""Other nodes are told a pod's addresses before its first packet.

A bound pod gets addresses reserved, and the Node tells them in an annotation until the
pod's status does.  So the policies of other nodes know its first SYN.
"""

from math import inf
from typing import Never

import trio

from vcnd.core.early_addresses import Early, misleads
from vcnd.flow.cluster_loop import ClusterLoop
from vcnd.flow.conditions import Phase
from vcnd.flow.pool import Pool
from vcnd.log import log
from vcnd.model.request import Grant
from vcnd.ports import Cluster

GATHER_SECONDS = 0.01
"""Pods are bound in bursts; a write is for all that came within this time."""
INTERVAL_SECONDS = 30.0
"""The task reconciles at this interval without news: some of it depends on time."""
STALE_SECONDS = 300.0
"""What nobody reads any more is removed with the next write, or after this."""
RESERVED_SECONDS = 600.0
"""A pod that has not started for so long may never start: nothing stays reserved."""


class EarlyAddresses:
    """Reserves addresses for bound pods, and keeps the Node's annotation right."""

    def __init__(self, *, pool: Pool, cluster: Cluster, loop: ClusterLoop) -> None:
        self._pool = pool
        self._cluster = cluster
        self._loop = loop
        self._told: Early | None = None
        """What the annotation tells; None while that is not known."""
        self._since: dict[str, float] = {}
        """When each pod was seen first, by uid, until its status tells addresses."""
        self._stale_since = inf

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Reconcile at each change, and at intervals."""
        task_status.started()
        await self._loop.run(
            "early addresses",
            self._reconcile,
            news=self._pool.signals.next_news,
            gather_seconds=GATHER_SECONDS,
            seconds=lambda: INTERVAL_SECONDS,
        )

    async def _reconcile(self) -> None:
        """Reserve, and write what has changed: all pods in one write."""
        if self._told is None:
            self._told = await self._cluster.early_addresses()
        wanted, told = self._wanted(self._told), self._told
        if not self._is_due(told, wanted):
            return
        self._told = None  # whether a write that fails was carried out is not known
        await self._cluster.tell_early(wanted)
        self._told, self._stale_since = wanted, inf
        for uid in wanted.keys() & told.keys():
            if wanted[uid] != told[uid]:
                log.info(
                    "early_addresses_changed",
                    uid=uid,
                    before=list(told[uid]),
                    now=list(wanted[uid]),
                )

    def _is_due(self, told: Early, wanted: Early) -> bool:
        now = trio.current_time()
        if told.keys() <= wanted.keys():
            self._stale_since = inf
        else:
            self._stale_since = min(self._stale_since, now)
        held = {a: x.pod.uid for x in self._pool.ledger.leases() for a in x.addresses}
        awaited = self._pool.demand.awaited
        return now - self._stale_since >= STALE_SECONDS or misleads(
            told, wanted, awaited=awaited, held=held
        )

    def _wanted(self, told: Early) -> Early:
        """Reserve what is missing; return what other nodes should be told."""
        demand, reservations = self._pool.demand, self._pool.ledger.reservations
        now, awaited = trio.current_time(), demand.awaited
        self._since = {uid: self._since.get(uid, now) for uid in awaited}
        held: dict[str, tuple[str, ...]] = {}
        for lease in self._pool.ledger.leases():
            if lease.pod.uid in awaited:
                held[lease.pod.uid] = held.get(lease.pod.uid, ()) + lease.addresses
        serves = self._pool.conditions.phase is Phase.SERVING
        starting = {
            uid: grant
            for uid in awaited
            if uid not in held
            and serves
            and now - self._since[uid] < RESERVED_SECONDS
            and (grant := demand.grant_of(uid)) is not None
        }
        reserved = reservations.all()
        for uid in reserved.keys() - starting.keys():
            reservations.end(uid)
        # What cannot be had for one pod cannot be had for another one like it.
        lacking: set[Grant] = set()
        for uid, grant in starting.items():
            if grant in lacking and uid not in reserved:
                continue
            held[uid] = self._pool.reserve(uid, grant, told.get(uid, ()))
            if not held[uid]:
                lacking.add(grant)
        return {uid: held[uid] for uid in awaited if held.get(uid)}
