"""A fleet in one cloud: its machines, and what is seen of them."""

import hashlib
from collections.abc import Iterable
from functools import partial
from random import Random
from typing import Any

import trio

from fakeoci.api.app import build
from fakeoci.direct import DirectWay
from fakeoci.world.resources import Instance, Nsg, Subnet
from sim.fleet import keys
from sim.fleet.books import Books
from sim.fleet.cluster import FleetCluster
from sim.fleet.draw_policies import ENFORCING
from sim.fleet.events import Schedule
from sim.fleet.foreign import Foreign
from sim.fleet.machine import Machine, config_of
from sim.fleet.policies import FleetPolicies
from sim.fleet.rates import Rates
from sim.fleet.scheduler import Scheduler
from sim.fleet.tokens import Tokens
from sim.fleet.violations import Violation
from sim.fleet.watch import Watch
from sim.fleet.wire import Wire
from sim.fleet.world import cloud
from vcnd.config import AllowSection, CniSection, Config, PolicySection, PoolSection

OWN, OTHER = "sim", "other"
"""The clusters: the other one has nodes in the same subnet."""
STRICT = PolicySection(enforcement="strict")
EVERYTHING = AllowSection(
    namespace="*", subnet_ids=["*"], nsg_ids=["*"], fixed_addresses=True
)


class Fleet:
    """Machines in one cloud."""

    def __init__(self, schedule: Schedule, tasks: trio.Nursery) -> None:
        """Make it.

        Args:
            schedule: says what it is like.
            tasks: where its Kubernetes runs.
        """
        traits = schedule.traits
        self.schedule = schedule
        count = schedule.nodes + traits.spare
        self.service = cloud(traits, count, schedule.seed)
        self.service.hearer = self._heard
        self.app = build(self.service)
        self.books = Books(self.service.world)
        self.foreign = Foreign(self.service.world, self.books)
        self.watch = Watch(
            self.books, self.report, cooling_seconds=traits.cooling_seconds
        )
        self.violations: list[Violation] = []
        self.violated = trio.Event()
        self.calls = 0
        self.rates = Rates(self.report, self._starts)
        self._trace = hashlib.sha256()
        self.clusters = {
            name: FleetCluster(Random(f"{schedule.seed}/{name}/kubernetes"), tasks)
            for name in (OWN, OTHER)
        }
        self._schedulers = {
            c: Scheduler(c, selected=traits.policies and name == OWN)
            for name, c in self.clusters.items()
        }
        for scheduler in self._schedulers.values():
            tasks.start_soon(scheduler.run)
        self.machines = [self._machine(number) for number in range(count)]
        self.policies = self._policies(tasks)
        self._by_instance = {m.instance_id: m for m in self.machines}
        self._by_caller = {
            who: m
            for number, m in enumerate(self.machines)
            for who in (m.name, keys.user_of(number))
        }
        self.books.vnic_gone = self._vnic_gone
        self._scopes: dict[int, trio.CancelScope] = {}
        self.wires: dict[int, Wire] = {}

    def _policies(self, tasks: trio.Nursery) -> FleetPolicies | None:
        traits = self.schedule.traits
        if not traits.policies:
            return None
        made = FleetPolicies(
            self.clusters[OWN],
            self.machines,
            books=self.books,
            report=self.report,
            random=Random(f"{self.schedule.seed}/packets"),
            cooling_seconds=traits.cooling_seconds,
        )
        tasks.start_soon(made.run)
        return made

    def _machine(self, number: int) -> Machine:
        world, traits = self.service.world, self.schedule.traits
        name = f"node{number + 1}"
        first_other = self.schedule.nodes - traits.others
        is_other = first_other <= number < self.schedule.nodes
        cluster = OTHER if is_other else OWN
        enforces = traits.policies and not is_other and number < ENFORCING
        base = Config(
            pool=PoolSection(
                batch=traits.batch,
                cooling_seconds=traits.cooling_seconds,
                lean_at=traits.lean_at,
            ),
            cni=CniSection(patience_seconds=45.0),
            policy=STRICT if enforces else PolicySection(),
            allow=[EVERYTHING],
        )
        config = config_of(
            world.named(Subnet, "pods").id,
            [world.named(Nsg, "pods").id],
            cluster,
            base,
            blocks=traits.blocks,
            families=traits.families,
        )
        return Machine(
            number,
            config,
            service=self.service,
            cluster=self.clusters[cluster],
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

    def _starts(self, who: str) -> int:
        """Return how often the daemon of a node, or of a user, was started."""
        machine = self._by_caller.get(who)
        return machine.started if machine else 0

    def _asked(self, machine: Machine) -> None:
        self.rates.asked(trio.current_time(), machine.name)

    def _vnic_gone(self, instance_id: str) -> None:
        machine = self._by_instance.get(instance_id)
        if machine is not None:
            machine.kernel.lose_vnic()

    # Its machines

    async def run(self, number: int, threads: trio.Nursery) -> None:
        """Run a machine until it is lost."""
        machine = self.machines[number]
        with trio.CancelScope() as self._scopes[number]:
            async with (
                DirectWay(self.app, client_address=machine.address) as cloud,
                trio.open_nursery() as nursery,
            ):
                self.wires[number] = Wire(
                    cloud, Tokens(machine.report), partial(self._asked, machine)
                )
                machine.runtime.open(nursery)
                nursery.start_soon(machine.kubelet.beat)
                self.note("on", machine.name)
                await machine.run(self.wires[number], threads)

    def scheduler(self, machine: Machine) -> Scheduler:
        """Return the scheduler of a machine's cluster."""
        return self._schedulers[machine.kubelet.cluster]

    def schedulers(self) -> Iterable[Scheduler]:
        """Return the schedulers of all clusters."""
        return self._schedulers.values()

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
