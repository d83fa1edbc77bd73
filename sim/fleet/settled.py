"""What must hold once faults have ended and time has passed.

Cloud, disk, kernel, runtime and the daemon's ledger say the same; nobody waits.
"""

from collections.abc import Iterator

import trio

from fakeoci.world.resources import Vnic
from sim.fleet.books import addresses_of
from sim.fleet.fleet import Fleet
from sim.fleet.machine import JOURNAL, Machine
from vcnd.journal.reading import read
from vcnd.node import Node

LARGEST_BLOCK = 64
"""A block is kept while releasing it would leave too little."""


class Settled:
    """Compares the witnesses of all nodes that run."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def wrong(self) -> list[tuple[str, str]]:
        """Return what is wrong, by node."""
        return [
            (machine.name, what)
            for number, machine in enumerate(self._fleet.machines)
            if self._fleet.is_on(number)
            for what in self._of(machine)
        ]

    def _of(self, machine: Machine) -> Iterator[str]:
        life = machine.life
        if life is None or life.node is None:
            yield "no daemon serves"
            return
        yield from self._pods(machine, life.node)
        yield from self._cloud(machine, life.node)
        yield from self._disk(machine, life.node)

    def _pods(self, machine: Machine, node: Node) -> Iterator[str]:
        sandboxes = set()
        for pod in machine.runtime.pods.values():
            if pod.sandbox is None or not pod.sandbox.ready:
                yield f"{pod.ref} has no sandbox"
            else:
                sandboxes.add(pod.sandbox.key)
        leases = {x.key for x in node.pool.ledger.leases()}
        links = {x.lease.key for x in machine.kernel.links.values() if x.lease}
        if leases != sandboxes:
            yield f"leases without a sandbox, or the reverse: {leases ^ sandboxes}"
        if links != sandboxes or len(machine.kernel.links) != len(sandboxes):
            yield f"links without a sandbox, or the reverse: {links ^ sandboxes}"

    def _cloud(self, machine: Machine, node: Node) -> Iterator[str]:
        """Compare the ledger with the instance's VNICs and addresses (I7)."""
        world, ledger = self._fleet.service.world, node.pool.ledger
        vnics: list[Vnic] = [
            v for v in world.vnics_of(machine.instance_id) if not v.is_primary
        ]
        known = {str(s.vnic.id) for s in node.pool.vnics.pod_slots}
        if known != {v.id for v in vnics}:
            yield f"VNICs of cloud or ledger alone: {known ^ {v.id for v in vnics}}"
        there = {
            p.id: p
            for v in vnics
            for p in world.private_ips_of(v.id)
            if not p.is_primary
        }
        if differ := {str(i) for i in ledger.ids()} ^ set(there):
            texts = [
                f"{there[i].ip_address}/{there[i].prefix_length}"
                if i in there
                else i[-6:]
                for i in differ
            ]
            yield f"addresses of cloud or ledger alone: {sorted(texts)}"
        if ledger.in_doubt:
            yield "addresses are in doubt"
        waiting = node.pool.demand.wanted
        if waiting:
            yield f"{waiting} pods wait for an address"
        held = sum(len(addresses_of(p)) for p in there.values())
        leased = len(ledger.leases())
        if held - leased > LARGEST_BLOCK + 8 * node.pool.policy.batch:
            yield f"{held} addresses are held and {leased} leased"

    def _disk(self, machine: Machine, node: Node) -> Iterator[str]:
        """Compare the ledger with what a power cut would leave of the journal."""
        ledger = node.pool.ledger
        reading = read(machine.disk.durable(JOURNAL), "journal")
        recovered = reading.replay.recovered(trio.current_time())
        if reading.is_damaged:
            yield "the journal is damaged"
        if {*recovered.leases} != {*ledger.leases()}:
            yield "leases of journal and ledger differ"
        if {p.id for p in recovered.private_ips} != ledger.ids():
            yield "addresses of journal and ledger differ"
