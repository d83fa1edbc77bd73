"""A policy process in memory."""

import trio

from vcnd.model.cause import Fault
from vcnd.model.sandbox import Lease


class MemoryPolicies:
    """Admits each pod after a while, or says why not."""

    def __init__(self, *, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.fault: Fault | None = None
        self.asked: list[Lease] = []
        self.answered: list[Lease] = []

    async def admit(self, lease: Lease) -> Fault | None:
        self.asked.append(lease)
        await trio.sleep(self.seconds)
        self.answered.append(lease)
        return self.fault
