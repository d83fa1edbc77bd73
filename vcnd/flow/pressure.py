"""Reads how full the pods' subnets are, so that nodes share what is left of them."""

from random import Random
from typing import Never

import trio

from vcnd.flow.pool import Pool
from vcnd.log import log
from vcnd.model.cause import Cause
from vcnd.model.errors import CloudError
from vcnd.model.place import PlaceKind, subnet_place
from vcnd.model.urgency import Urgency
from vcnd.ports import Cloud

CLOSE_SECONDS = 60.0
"""Interval at which a subnet is read that is nearly full, or close to it."""


class PressureWatch:
    """Keeps the subnets' pressure, and its problems, up to date."""

    def __init__(
        self, *, pool: Pool, cloud: Cloud, seconds: float, random: Random
    ) -> None:
        self._pool = pool
        self._cloud = cloud.at(Urgency.AUDIT)
        self._seconds = seconds
        self._random = random

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Read the subnets at intervals."""
        task_status.started()
        while True:
            # Nodes that started together do not ask together.
            await trio.sleep(self._pause() * self._random.uniform(0.8, 1.2))
            await self._read()

    def _subnets(self) -> frozenset[str]:
        """Return the subnets from which the node takes addresses."""
        classes = self._pool.demand.classes().values()
        return frozenset(s for c in classes for s in c.subnet_ids)

    def _pause(self) -> float:
        close = any(map(self._pool.pressure.is_close, self._subnets()))
        return min(self._seconds, CLOSE_SECONDS) if close else self._seconds

    async def _read(self) -> None:
        pool, subnets = self._pool, self._subnets()
        pool.pressure.keep_only(subnets)
        for subnet_id in sorted(subnets):
            try:
                used = await self._cloud.subnet_use(subnet_id)
            except CloudError as error:
                # Without the right to read it, refusals tell when a subnet is full.
                log.info("subnet_use_unread", subnet=subnet_id, reason=str(error))
                continue
            pool.pressure.note(subnet_id, used, trio.current_time())
        self._tell(subnets)
        pool.signals.ring()

    def _tell(self, subnets: frozenset[str]) -> None:
        pool = self._pool
        pressed = {s for s in subnets if pool.pressure.is_pressed(s)}
        for subnet_id in sorted(pressed):
            percent = round(100 * pool.pressure.used(subnet_id))
            pool.problems.report(
                subnet_place(subnet_id),
                Cause.SUBNET_NEARLY_FULL,
                f"nearly full now, or within the last hour ({percent} % in use): the"
                " node holds no address that no pod needs. Give pods a larger subnet,"
                " or another one ([oci] further_subnet_ids)",
            )
        pool.problems.clear_where(
            lambda p: p.kind is PlaceKind.SUBNET and p.name not in pressed
        )
