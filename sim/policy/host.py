"""The kernel as vcnd-policy needs it, without a kernel."""

import os
from collections.abc import Callable, Mapping
from typing import Never

import trio

from vcnd.core.policy.denials import DeniedPacket
from vcnd.core.policy.drops import Counted
from vcnd.core.policy.generations import Generations
from vcnd.core.policy.rule_set import RuleSet
from vcnd.model.policy import Attached, Direction
from vcnd.signals import Latch


class FakeHost:
    """A kernel that notes what is put into it, and when."""

    def __init__(self, *links: Attached) -> None:
        self.links = list(links)
        self.of_earlier_life: Mapping[Direction, frozenset[int]] = {}
        self.refuses = self.fails_late = False
        """Whether no rules come in force, or they do, and a step after that fails."""
        self.outdated = False
        self.put_seconds = 0.0
        self.put_at: list[float] = []
        self.rules = RuleSet()
        self.numbers: Mapping[str, int] = {}
        self.counted: Mapping[Counted, int] = {}
        self.gates = list[int]()
        self.links_changed, self.lost = Latch(), Latch()
        self.has_table = True
        """Whether an earlier life's rules are there."""

    async def attached(self) -> list[Attached]:
        return self.links

    async def numbers_in_force(self) -> Mapping[Direction, frozenset[int]]:
        return self.of_earlier_life

    def is_outdated(self) -> bool:
        return self.outdated

    async def put(self, wanted: Generations) -> None:
        await trio.sleep(self.put_seconds)
        if self.refuses:
            raise PermissionError(1, "Operation not permitted")
        self.rules, self.numbers = wanted.rules, wanted.numbers
        self.outdated = False
        if self.fails_late:
            raise PermissionError(1, "Operation not permitted")
        self.put_at.append(trio.current_time())

    def take_gate(self, descriptor: int) -> None:
        self.gates.append(os.fstat(descriptor).st_ino)

    async def counters(self) -> Mapping[Counted, int]:
        return self.counted

    async def until_links_change(self) -> None:
        await self.links_changed.wait()

    async def adopt(self) -> bool:
        return self.has_table

    async def keep(self, restored: Callable[[], None]) -> Never:
        while True:
            await self.lost.wait()
            restored()


class FakeDeniedLog:
    """A log of denied packets, to which a test writes."""

    def __init__(self) -> None:
        self._news, self._packets = Latch(), list[DeniedPacket]()

    def write(self, packet: DeniedPacket) -> None:
        self._packets.append(packet)
        self._news.set()

    async def until_denied(self) -> None:
        await self._news.wait()

    def take(self) -> list[DeniedPacket]:
        found, self._packets = self._packets, []
        return found

    def close(self) -> None:
        pass
