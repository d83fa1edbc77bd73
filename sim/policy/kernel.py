"""A node's kernel with the rules of network policies: it judges packets.

It does what the table does that ``linux/policy/table`` writes, connection tracking and
its marks among it.  It outlives the policy process, and a reboot empties it.
"""

from collections.abc import Callable, Collection, Mapping

import msgspec

from sim.policy.host import FakeHost
from sim.policy.judging import way_accepts
from vcnd.core.policy.generations import OF_OPEN, OF_OTHERS, Generations
from vcnd.core.policy.rule_set import AJAR, HOLD, OPEN, RuleSet
from vcnd.model.policy import Attached, Direction, Packet


class Connection(msgspec.Struct, eq=False):
    """A connection that connection tracking knows."""

    numbers: dict[Direction, int] = {}
    """Those of the chains that have accepted it."""


class PolicyKernel(FakeHost):
    """A kernel with links, rules, and connections."""

    def __init__(self, attached: Callable[[], Collection[Attached]]) -> None:
        """Make it.

        Args:
            attached: returns the pods' links; ring ``links_changed`` with each change.
        """
        super().__init__()
        self._attached = attached
        self.has_table = False
        self.connections: dict[Packet, Connection] = {}
        """By their first packets."""

    def reboot(self) -> None:
        """Lose all."""
        self.rules, self.numbers = RuleSet(), {}
        self.has_table = False
        self.connections.clear()

    async def attached(self) -> list[Attached]:
        return list(self._attached())

    async def numbers_in_force(self) -> Mapping[Direction, frozenset[int]]:
        return {
            direction: frozenset(
                number
                for name, number in self.numbers.items()
                if self.rules.chains[name].direction is direction
            )
            for direction in Direction
        }

    async def put(self, wanted: Generations) -> None:
        for connection in self.connections.values():
            for direction, some in wanted.stale.items():
                if connection.numbers.get(direction) in some:
                    del connection.numbers[direction]
        await super().put(wanted)
        self.has_table = True
        for packet, connection in self.connections.items():
            if not {packet.source, packet.destination}.isdisjoint(wanted.again):
                connection.numbers.clear()

    def passes(self, packet: Packet) -> bool:
        """Let a packet come by that its connection's beginner sends.

        Returns True if it is not dropped.  One of a connection that is not known
        begins one.
        """
        links = {a: x.link for x in self._attached() for a in x.addresses}
        source, destination = links.get(packet.source), links.get(packet.destination)
        there = self.connections.get(packet)
        connection = there or Connection()
        if self.has_table:
            own = source is not None and source == destination
            if source is not None:
                way = self.rules.egress.get(source)
                if not self._side(way, Direction.EGRESS, packet, connection, own=own):
                    return False
            if destination is not None:
                way = self.rules.ingress.get(packet.destination)
                if not self._side(way, Direction.INGRESS, packet, connection, own=own):
                    return False
        self.connections[packet] = connection
        return True

    def _side(
        self,
        way: str | None,
        direction: Direction,
        packet: Packet,
        connection: Connection,
        *,
        own: bool,
    ) -> bool:
        """Judge one side of a connection, unless its number says that it was."""
        if way in (None, AJAR):
            return self.rules.unknown == AJAR
        if way == HOLD:
            return False
        if way == OPEN:
            connection.numbers[direction] = OF_OPEN
            return True
        number = self.numbers.get(way)
        if number is not None and connection.numbers.get(direction) == number:
            return True
        if own:
            connection.numbers |= dict.fromkeys(Direction, OF_OTHERS)
            return True
        if not way_accepts(self.rules, way, packet, own=False):
            return False
        connection.numbers[direction] = OF_OTHERS if number is None else number
        return True

    def end(self, address: str) -> None:
        """Forget the connections of an address: it is another pod's by now."""
        self.connections = {
            packet: connection
            for packet, connection in self.connections.items()
            if address not in (packet.source, packet.destination)
        }
