"""A fleet's network policies: packets between its pods, and who judges them."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Never

import msgspec
import trio

from sim.fleet.books import Books
from sim.fleet.cluster import FleetCluster
from sim.fleet.machine import Machine
from sim.fleet.policy_side import PolicySide
from sim.fleet.violations import POLICIES, Report
from sim.kubernetes.resources import (
    CLUSTER_POLICIES,
    NAMESPACES,
    NETWORK_POLICIES,
    PODS,
)
from sim.kubernetes.store import Change, Stored
from sim.kubernetes.writes import ENDED
from sim.policy import drawn
from sim.policy.oracle import (
    SETTLING_SECONDS,
    News,
    OpenPodError,
    Oracle,
    WrongVerdictError,
)
from vcnd.model.policy import Attached, Packet, Protocol
from vcnd.model.sandbox import Lease
from vcnd.signals import Latch

FRESH_SECONDS = 5.0
"""Packets begin or end mostly at a pod that is not older."""
PACKETS, LAST_PACKETS, LIVE = 12, 60, 12
"""New connections at each look, and at the end; live ones that send another packet."""
PORTS = (80, 443)
PAUSES = (0.0, 0.05, 2.1)
"""After an event packets come by at these times, one after another."""


class Guest(msgspec.Struct, frozen=True):
    """A pod that can send and take packets."""

    link: Attached
    node: PolicySide
    plugged_at: float


class FleetNews(News):
    """When all nodes of a fleet know what is on the API server; faults may meet."""

    def __init__(self, *, cooling_seconds: float) -> None:
        super().__init__(cooling_seconds=cooling_seconds)
        self._lasting = 0
        self.is_untold = False
        """Whether there is a pod whose kubelet has not told its addresses yet."""

    def begin(self) -> None:
        """Note that news come late, until an ``end``."""
        self._lasting += 1
        self.fault(lasts=True)

    def restart(self, seconds: float) -> None:
        """Note that a node hears nothing for so long, and asks for all then."""
        self.fault(seconds=seconds + SETTLING_SECONDS)

    def end(self) -> None:
        """End a ``begin``."""
        self._lasting -= 1
        if not self._lasting:
            self.recover()

    def is_settled(self) -> bool:
        """Return True if every node knows all."""
        return super().is_settled() and not self.is_untold


class FleetPolicies:
    """Lets packets come by between the pods of a cluster; a ``sim.policy.scene``."""

    def __init__(
        self,
        cluster: FleetCluster,
        machines: Sequence[Machine],
        *,
        books: Books,
        report: Report,
        random: Random,
        cooling_seconds: float,
    ) -> None:
        """Make it; ``run`` looks.

        Args:
            cluster: has the policies.
            machines: the nodes with vcnd-policy.
            books: what the cloud gives to whom.
            report: takes violations.
            random: draws packets.
            cooling_seconds: of addresses.
        """
        self.cluster = cluster
        self.server, self.plane = cluster.server, cluster.plane
        self.news = FleetNews(cooling_seconds=cooling_seconds)
        self._sides = {m: m.policy for m in machines if m.policy is not None}
        self._books, self._report, self._random = books, report, random
        self._oracle = Oracle(self, self.news)
        self._told: dict[str, set[str]] = {}
        """Which pods have an address by their status, by uid."""
        self._stirred = Latch()
        for side in self._sides.values():
            side.interrupted, side.changed = self.news.restart, self._changed
        for name in drawn.NAMESPACES:
            self.plane.add_namespace(name, labels={"team": name})
        for kind in (PODS, NAMESPACES, NETWORK_POLICIES, CLUSTER_POLICIES):
            self.server.store.table(kind).listen(self, "", "")

    @property
    def judged(self) -> int:
        """Return how many packets were judged."""
        return self._oracle.judged

    # What happens

    def hear(self, change: Change) -> None:
        """Hear of a change on the API server."""
        new, old = change.new, change.old
        stored = new or old
        is_pod = stored is not None and stored.body.get("kind", "Pod") == "Pod"
        of_policies = not is_pod
        if is_pod:
            self._note_told(old, new)
        if is_pod and new is not None and old is not None:
            labels = [x.body["metadata"].get("labels") for x in (new, old)]
            of_policies = labels[0] != labels[1] or _has_ended(new.body)
        self.news.change(of_policies=of_policies)
        self._stirred.set()

    def _note_told(self, old: Stored | None, new: Stored | None) -> None:
        for stored, note in ((old, set.discard), (new, set.add)):
            body = stored.body if stored is not None else {"status": {}}
            for ip in body["status"].get("podIPs") or []:
                note(self._told.setdefault(ip["ip"], set()), body["metadata"]["uid"])

    def _changed(self, gone: Lease | None) -> None:
        if gone is not None:
            for side in self._sides.values():
                for address in gone.addresses:
                    side.kernel.end(address)
        self.news.change(of_policies=False)
        self._stirred.set()

    # What is seen of it

    def links(self) -> Mapping[str, Sequence[Attached]]:
        """Return the pods' links by node."""
        return {s.name: s.links() for m, s in self._sides.items() if m.is_on}

    def by_address(self) -> Mapping[str, Guest]:
        """Return the pods that run, by their addresses.

        Not by fixed ones, which another pod has at once, not by those that somebody
        else took away, and not by those that the status of another pod still tells: it
        waits for a new sandbox, longer than its old address cooled down.
        """
        found, told = {}, self._told
        for machine, side in self._sides.items():
            if machine.is_on and side.closes:
                for guest in self._guests(machine, side):
                    for address in guest.link.addresses:
                        robbed = self._books.is_robbed(address, machine.instance_id)
                        stale = told.get(address, set()) - {guest.link.uid}
                        if not (robbed or stale or self._books.is_fixed(address)):
                            found[address] = guest
        return found

    def _guests(self, machine: Machine, side: PolicySide) -> Iterator[Guest]:
        links = {x.link: x for x in side.links()}
        for pod in machine.runtime.pods.values():
            sandbox = pod.sandbox
            if sandbox is None or not sandbox.ready or sandbox.lease is None:
                continue
            link = links.get(sandbox.lease.host_ifname)
            if link is not None:
                yield Guest(link, side, side.plugged_at[link.link])

    def live(self) -> list[Packet]:
        """Return the first packets of some live connections."""
        sides = self._sides.values()
        found = [*dict.fromkeys(p for s in sides for p in s.kernel.connections)]
        return self._random.sample(found, min(LIVE, len(found)))

    # Who judges

    async def run(self) -> Never:
        """Let packets come by after each event."""
        while True:
            await self._stirred.wait()
            for pause in PAUSES:
                await trio.sleep(pause)
                self.look()

    def look(self, packets: int = PACKETS) -> None:
        """Let some packets come by."""
        there = self.by_address()
        self.news.is_untold = any(not self._is_told(g) for g in there.values())
        try:
            self._oracle.look(self._packets(there, packets))
        except OpenPodError as error:
            self._report("I13", "", str(error))
        except WrongVerdictError as error:
            self._report(POLICIES, "", str(error))

    def _is_told(self, guest: Guest) -> bool:
        link = guest.link
        found = self.server.store.table(PODS).objects.get(
            f"{link.namespace}/{link.name}"
        )
        if found is None or found.body["metadata"]["uid"] != link.uid:
            return False
        told = [x["ip"] for x in found.body["status"].get("podIPs") or []]
        return told == [*link.addresses]

    def _packets(self, there: Mapping[str, Guest], many: int) -> Iterator[Packet]:
        now, random = trio.current_time(), self._random
        every = [*there]
        fresh = [a for a in every if now - there[a].plugged_at < FRESH_SECONDS]
        for _ in range(many if every else 0):
            ends = random.choice(fresh or every), random.choice(every)
            if (":" in ends[0]) is not (":" in ends[1]):
                continue
            source, destination = ends if random.random() < 0.5 else ends[::-1]
            yield Packet(
                source=source,
                destination=destination,
                protocol=Protocol.TCP,
                port=random.choice(PORTS),
            )

    def wrong(self) -> Iterator[tuple[str, str]]:
        """Yield what is not in order, by node, once faults have ended."""
        self.look(LAST_PACKETS)
        if not self.news.is_settled():
            yield "", "nodes may not know all policies yet"
        for machine, side in self._sides.items():
            engine = side.process.engine if side.process else None
            if machine.is_on and (engine is None or not engine.is_in_force):
                yield machine.name, "no rules of vcnd-policy are in force"


def _has_ended(body: Mapping[str, object]) -> bool:
    status = body["status"]
    assert isinstance(status, dict)
    return status.get("phase") in ENDED
