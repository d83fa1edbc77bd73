"""What events do to a fleet's Kubernetes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trio

from sim.fleet import events as e
from sim.fleet.cluster import FleetCluster
from sim.fleet.fleet import Fleet
from sim.fleet.lasting import Lasting
from sim.fleet.machine import Machine
from sim.kubernetes.control_plane import STARTUP_TAINT
from sim.kubernetes.resources import NETWORKS, NODES
from sim.kubernetes.watching import Cut
from vcnd.core.podnetwork import network_name


class KubernetesActions:
    """Carries out the events that concern API servers and what they have."""

    def __init__(self, fleet: Fleet, faults: Lasting) -> None:
        self._fleet, self._faults = fleet, faults

    @contextmanager
    def _late_news(self) -> Iterator[None]:
        """Note that nodes hear late of policies while the block runs."""
        policies = self._fleet.policies
        if policies is None:
            yield
            return
        policies.news.begin()
        yield
        policies.news.end()

    def _interrupt(self) -> None:
        """Note that nodes may hear a little later of policies."""
        if self._fleet.policies is not None:
            self._fleet.policies.news.fault()

    async def outage(self, event: e.Outage) -> None:
        """Let API servers be away, or cut one node off from its own."""
        with self._late_news():
            await self._outage(event)

    async def _outage(self, event: e.Outage) -> None:
        if event.node < 0:
            clusters = self._fleet.clusters.values()
            for cluster in clusters:
                cluster.stop()
            await trio.sleep(event.seconds)
            for cluster in clusters:
                cluster.start()
            return
        wire = self._fleet.wires[event.node]
        kubelet = self._fleet.machines[event.node].kubelet
        wire.cut[event.what] += 1
        kubelet.cut_off()
        await trio.sleep(event.seconds)
        wire.mend(event.what)
        kubelet.connect()

    async def cut_watches(self, event: e.CutWatches) -> None:
        """End watches of a node, or of all."""
        node = ""
        if event.node >= 0:
            node = self._fleet.machines[event.node].kubelet.name
        self._interrupt()
        for cluster in self._fleet.clusters.values():
            cluster.server.cut(Cut(event.how), share=event.share, node=node)

    async def api_fault(self, event: e.ApiFault) -> None:
        """Let something be wrong with the API servers for a while."""
        with self._late_news():
            await self._let_trouble(event)

    async def _let_trouble(self, event: e.ApiFault) -> None:
        async with trio.open_nursery() as nursery:
            for cluster in self._fleet.clusters.values():
                nursery.start_soon(self._trouble, cluster, event)

    async def _trouble(self, cluster: FleetCluster, event: e.ApiFault) -> None:
        amount: Any = event.amount
        if event.what is e.ApiTrouble.SILENT:
            amount = True
        faults = cluster.server.faults
        await self._faults.set(faults, event.what, amount, event.seconds)
        cluster.server.look_again()

    async def compact(self, event: e.Compact) -> None:
        """Let stores forget."""
        del event
        self._interrupt()
        for cluster in self._fleet.clusters.values():
            cluster.server.compact()

    async def meddle(self, event: e.Meddle) -> None:
        """Change an object of a node's, if it is there."""
        machine = self._fleet.machines[event.node]
        await machine.kubelet.cluster.until_up()
        _meddle(machine, event.what)


def _meddle(machine: Machine, what: e.Meddling) -> None:
    kubelet = machine.kubelet
    server, network = kubelet.cluster.server, network_name(machine.instance_id)
    is_there = network in server.store.table(NETWORKS).objects
    if what is e.Meddling.TAINT:
        if kubelet.is_there:
            taints = [{"key": STARTUP_TAINT, "effect": "NoSchedule"}]
            server.patch(f"{NODES.path}/{kubelet.name}", {"spec": {"taints": taints}})
    elif is_there and what is e.Meddling.DELETE_NETWORK:
        server.delete(f"{NETWORKS.path}/{network}")
    elif is_there:
        patch = {"spec": {"podSubnetIds": ["ocid1.subnet.oc1.iad.others"]}}
        server.patch(f"{NETWORKS.path}/{network}", patch)
