"""Carries out vcndctl's verbs."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from vcnd.model.status import NodeStatus

STATUS, RELEASE = "VCND_STATUS", "VCND_RELEASE"
COMMANDS = (STATUS, RELEASE)
"""Values of CNI_COMMAND that no container runtime uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlVerbs:
    """The functions that carry out vcndctl's verbs."""

    report: Callable[[], NodeStatus]
    """Return the node's state."""
    release: Callable[[], Awaitable[None]]
    """Release everything to the cloud."""

    async def carry_out(self, command: str) -> bytes:
        """Carry out one of ``COMMANDS``; return the answer as JSON."""
        if command == RELEASE:
            await self.release()
            return b"{}"
        return msgspec.json.encode(self.report())
