"""``vcndctl permissions``: which policy statements the node's calls have shown."""

from collections.abc import Iterable
from typing import Protocol

import trio

from vcnd.flow.pool import Pool
from vcnd.model.permissions import PermissionsAnswer, StatementStatus
from vcnd.model.vnic import Vnic

SECONDS = 10.0
"""How long the reads may take; vcndctl waits for twice as long."""


class PermissionLook(Protocol):
    """Tries reads."""

    async def permissions(self, vnics: Iterable[Vnic]) -> tuple[StatementStatus, ...]:
        """Return what calls have shown, after reads about these VNICs."""


async def review(pool: Pool, cloud: PermissionLook) -> PermissionsAnswer:
    """Return what calls have shown of each statement.

    One VNIC of each subnet is read about; if OCI is slow, what earlier calls showed
    is returned.
    """
    vnics = {slot.vnic.subnet_id: slot.vnic for slot in pool.vnics.slots.values()}
    with trio.move_on_after(SECONDS):
        found = await cloud.permissions(vnics.values())
        why = "" if vnics else "no VNIC of this node is known yet"
        return PermissionsAnswer(statements=found, unread=why)
    why = f"OCI did not answer all reads within {SECONDS:g} s"
    return PermissionsAnswer(statements=await cloud.permissions(()), unread=why)
