"""Problems of the node's firewall and settings, reported with all others."""

from collections.abc import Container
from functools import partial
from typing import Never

import trio

from vcnd.flow.pool import Pool
from vcnd.model.place import Place, PlaceKind
from vcnd.ports import Host

KINDS = (PlaceKind.FIREWALL, PlaceKind.SETTINGS)


class NodeProblems:
    """Keeps the pool's problems equal to those that the host reports."""

    def __init__(self, *, pool: Pool, host: Host) -> None:
        self._pool = pool
        self._host = host

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Report each problem when it begins, and clear it when it is over."""
        task_status.started()
        while True:
            now = self._host.problems()
            for place, fault in now.items():
                self._pool.problems.report(place, fault.cause, fault.reason)
            self._pool.problems.clear_where(partial(_is_over, now))
            await self._host.until_problems_change()


def _is_over(now: Container[Place], place: Place) -> bool:
    return place.kind in KINDS and place not in now
