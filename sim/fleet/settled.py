"""What must hold once faults have ended and time has passed.

Cloud, disk, kernel, runtime and the daemon's ledger say the same; nobody waits.
"""

from collections.abc import Iterator

import trio

from fakeoci.world.resources import Address, Vnic
from sim.fleet.fleet import Fleet
from sim.fleet.machine import JOURNAL, Machine
from sim.kubernetes import settled as kubernetes
from vcnd.journal.reading import read
from vcnd.model.family import Family
from vcnd.node import Node

LARGEST = {Family.IPV4: 64, Family.IPV6: 256}
"""Addresses of a block: it is kept while a pod has one of them, or too little would be
left."""


class Settled:
    """Compares the witnesses of all nodes that run."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def wrong(self) -> list[tuple[str, str]]:
        """Return what is wrong, by node."""
        waiting = [
            (kubelet.name, f"{pod.ref} is not bound")
            for scheduler in self._fleet.schedulers()
            for pod, kubelet in scheduler.waiting
            if kubelet.is_there
        ]
        policies = self._fleet.policies
        waiting += policies.wrong() if policies is not None else ()
        return waiting + [
            (machine.name, what)
            for number, machine in enumerate(self._fleet.machines)
            if self._fleet.is_on(number)
            for what in self._of(machine)
        ]

    def _of(self, machine: Machine) -> Iterator[str]:
        life = machine.life
        if life is None or life.node is None or life.cluster is None:
            yield "no daemon serves"
            return
        kubelet = machine.kubelet
        server, name = kubelet.cluster.server, kubelet.name
        yield from kubernetes.wrong(server, life.cluster, name, machine.instance_id)
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
            v
            for v in world.vnics_of(machine.instance_id)
            if not (v.is_primary or self._fleet.foreign.has(v))
        ]
        books, cluster = self._fleet.books, machine.config.oci.cluster
        known = {str(s.vnic.id) for s in node.pool.vnics.pod_slots}
        if lone := (known ^ {v.id for v in vnics}) - books.unmarked:
            yield f"VNICs of cloud or ledger alone: {lone}"
        there = {
            p.id: p
            for v in vnics
            if v.id in known or v.id not in books.unmarked
            for p in world.addresses_of(v.id, Address)
            if not p.is_primary
            and (p.id in ledger.ids() or books.is_made_by_vcnd(p, cluster))
        }
        if differ := {str(i) for i in ledger.ids()} ^ set(there):
            texts = [
                f"{there[i].ip_address}/{there[i].prefix_length}"
                if i in there
                else i[-6:]
                for i in differ
            ]
            yield f"addresses of cloud or ledger alone: {sorted(texts)}"
        on = {str(p.id): p.vnic_id for p in ledger.private_ips()}
        if moved := [i for i in there if i in on and there[i].vnic_id != on[i]]:
            yield f"addresses on another VNIC: {[there[i].ip_address for i in moved]}"
        if ledger.in_doubt:
            yield "addresses are in doubt"
        waiting = node.pool.demand.wanted
        if waiting:
            yield f"{waiting} pods wait for an address"
        for family in node.pool.demand.network.families:
            counts = node.pool.counts(family)
            most = LARGEST[family] + 8 * node.pool.policy.batch
            if counts.total - counts.leased > most:
                yield f"of {counts.total} addresses {counts.leased} are leased"

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
