"""Follows which pod VNICs have a link on the node."""

from typing import Never

import trio

from vcnd.flow.pool import Pool
from vcnd.flow.reasons import why_unlinked
from vcnd.log import log
from vcnd.model.cause import Cause
from vcnd.model.ids import VnicId
from vcnd.model.place import link_place
from vcnd.ports import Host


class Links:
    """Keeps the pool's list of VNICs without a link up to date."""

    def __init__(self, *, pool: Pool, host: Host) -> None:
        self._pool = pool
        self._host = host
        self._linked: frozenset[VnicId] = frozenset()
        self._is_held = False

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Reconcile at each change that the host reports."""
        task_status.started()
        while True:
            await self._host.until_links_change()
            if not self._is_held:
                self.reconcile()

    def hold(self) -> None:
        """Note that VNICs are not set up yet: none serves new pods until then."""
        self._is_held = True
        self._pool.vnics.set_unlinked({s.vnic.id for s in self._pool.vnics.pod_slots})

    def reconcile(self) -> None:
        """Note which pod VNICs have no link.

        A lost link is a sign that somebody detached the VNIC: it leads to an audit.
        The link of a new VNIC may appear late.
        """
        self._is_held = False
        pool, unlinked = self._pool, self._host.unlinked()
        returned = pool.vnics.unlinked - unlinked
        lost = self._linked & unlinked
        pool.vnics.set_unlinked(unlinked, lost)
        self._linked = frozenset(s.vnic.id for s in pool.vnics.pod_slots) - unlinked
        for vnic_id in unlinked:
            if vnic_id in lost or vnic_id not in pool.created:
                pool.problems.report(
                    link_place(vnic_id),
                    Cause.LINK_MISSING,
                    why_unlinked(vnic_id),
                )
        for vnic_id in returned:
            pool.problems.clear(link_place(vnic_id))
        if lost:
            log.warning("vnic_link_lost", vnics=sorted(lost))
            pool.signals.request_audit()
        if returned:
            pool.signals.arrived()
        if lost or returned:
            pool.signals.ring()
