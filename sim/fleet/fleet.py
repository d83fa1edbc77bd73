"""A fleet in one cloud: its machines, and what is seen of them."""

import hashlib
from typing import Any

import trio

from fakeoci.api.app import build
from fakeoci.transport import FakeTransport
from fakeoci.world.resources import Instance, Nsg, Subnet
from sim.fleet.books import Books
from sim.fleet.events import Schedule
from sim.fleet.machine import Machine, config_of
from sim.fleet.rates import Rates
from sim.fleet.tokens import Tokens
from sim.fleet.violations import Violation
from sim.fleet.watch import Watch
from sim.fleet.wire import Wire
from sim.fleet.world import cloud
from vcnd.config import CniSection, Config, PoolSection


class Fleet:
    """Machines in one cloud."""

    def __init__(self, schedule: Schedule) -> None:
        traits = schedule.traits
        self.schedule = schedule
        count = schedule.nodes + traits.spare
        self.service = cloud(traits, count, schedule.seed)
        self.service.hearer = self._heard
        self.app = build(self.service)
        self.books = Books(self.service.world)
        self.watch = Watch(
            self.books, self.report, cooling_seconds=traits.cooling_seconds
        )
        self.violations: list[Violation] = []
        self.violated = trio.Event()
        self.calls = 0
        self.rates = Rates(self.report)
        self._trace = hashlib.sha256()
        self.machines = [self._machine(number) for number in range(count)]
        self._by_instance = {m.instance_id: m for m in self.machines}
        self.books.vnic_gone = self._vnic_gone
        self._scopes: dict[int, trio.CancelScope] = {}
        self.wires: dict[int, Wire] = {}

    def _machine(self, number: int) -> Machine:
        world, traits = self.service.world, self.schedule.traits
        name = f"node{number + 1}"
        other = self.schedule.nodes - traits.others <= number < self.schedule.nodes
        base = Config(
            pool=PoolSection(
                batch=traits.batch, cooling_seconds=traits.cooling_seconds
            ),
            cni=CniSection(patience_seconds=45.0),
        )
        config = config_of(
            world.named(Subnet, "pods").id,
            [world.named(Nsg, "pods").id],
            "other" if other else "sim",
            base,
            blocks=traits.blocks,
        )
        return Machine(
            number,
            config,
            service=self.service,
            instance=world.named(Instance, name),
            watch=self.watch,
            report=self.report,
            seed=self.schedule.seed,
        )

    # What is seen

    def report(self, rule: str, node: str, what: str) -> None:
        """Note a violation; the run ends."""
        self.violations.append(
            Violation(rule=rule, at=trio.current_time(), node=node, what=what)
        )
        self.note("violation", rule, node, what)
        self.violated.set()

    def note(self, *what: object) -> None:
        """Add a line to the trace, of which only the hash is kept."""
        self._trace.update(f"{trio.current_time():.6f} {what}\n".encode())

    @property
    def trace(self) -> str:
        """Return the hash of all that happened."""
        return self._trace.hexdigest()

    def _heard(self, fields: dict[str, Any]) -> None:
        self.calls += 1
        self.note(fields["operation"], fields["principal"], fields["status"])
        self.rates.heard(
            trio.current_time(),
            fields["principal"],
            fields["operation"],
            fields["status"],
            fields["code"],
        )

    def _vnic_gone(self, instance_id: str) -> None:
        machine = self._by_instance.get(instance_id)
        if machine is not None:
            machine.kernel.lose_vnic()

    # Its machines

    async def run(self, number: int, threads: trio.Nursery) -> None:
        """Run a machine until it is lost."""
        machine, world = self.machines[number], self.service.world
        vnic = world.vnics_of(machine.instance_id)[0]
        address = world.primary_ip(vnic.id)
        with trio.CancelScope() as self._scopes[number]:
            async with (
                FakeTransport(self.app, client_address=address) as transport,
                trio.open_nursery() as nursery,
            ):
                self.wires[number] = Wire(transport, Tokens(machine.report))
                machine.runtime.open(nursery)
                self.note("on", machine.name)
                await machine.run(self.wires[number], threads)

    def is_on(self, number: int) -> bool:
        """Return True if a machine runs."""
        return number in self.wires and self.machines[number].is_on

    def lose(self, number: int) -> None:
        """Let a machine end for ever."""
        for life in list(self.machines[number].lives):
            life.kill()
        self._scopes[number].cancel()
        del self.wires[number]
        self.machines[number].is_on = False
