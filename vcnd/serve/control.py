"""Carries out vcndctl's verbs."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from vcnd.model.phases import CallTrace
from vcnd.model.status import ExpressStatus, NodeStatus

STATUS, RELEASE = "VCND_STATUS", "VCND_RELEASE"
EXPRESS_ON, EXPRESS_OFF = "VCND_EXPRESS_ON", "VCND_EXPRESS_OFF"
TRACE = "VCND_TRACE"
COMMANDS = (STATUS, RELEASE, EXPRESS_ON, EXPRESS_OFF, TRACE)
"""Values of CNI_COMMAND that no container runtime uses."""


class ExpressSwitch(Protocol):
    """Switches the express lane."""

    async def __call__(self, *, on: bool) -> ExpressStatus:
        """Switch it on or off; return its state then."""


class ControlVerbs(msgspec.Struct, frozen=True, kw_only=True):
    """The functions that carry out vcndctl's verbs."""

    report: Callable[[], Awaitable[NodeStatus]]
    """Return the node's state."""
    release: Callable[[], Awaitable[None]]
    """Release everything to the cloud."""
    switch_express: ExpressSwitch
    traces: Callable[[], Sequence[CallTrace]]
    """Return the phases of the latest calls, the latest first."""

    async def carry_out(self, command: str) -> bytes:
        """Carry out one of ``COMMANDS``; return the answer as JSON."""
        if command == RELEASE:
            await self.release()
            return b"{}"
        if command in (EXPRESS_ON, EXPRESS_OFF):
            switched = await self.switch_express(on=command == EXPRESS_ON)
            return msgspec.json.encode(switched)
        if command == TRACE:
            return msgspec.json.encode(self.traces())
        return msgspec.json.encode(await self.report())
