"""Random days of one node's daemon on the simulated API server, by seed.

While the server fails, or is restored from a backup, pods come and go, and others
change or delete what the daemon writes.  Once all is well again, the daemon knows its
pods, and what it has to write is there; and in a quiet hour it asks for little (I15).
"""

from collections.abc import Iterator
from random import Random

import msgspec
import trio
from trio.testing import MockClock

from fakeoci.world.resources import Instance
from sim.fleet.seeded import seeded
from sim.kubernetes.adapter import cluster_of
from sim.kubernetes.control_plane import STARTUP_TAINT, ControlPlane
from sim.kubernetes.faults import Faults
from sim.kubernetes.resources import NETWORKS, NODES, PODS, Body
from sim.kubernetes.server import ApiServer
from sim.kubernetes.settled import wrong
from sim.kubernetes.store import Backup
from sim.kubernetes.watching import Cut
from sim.world import World, settings, world

NODE, OTHER = "node1", "node2"
MOST_PAUSE_SECONDS = 40.0
SETTLE_SECONDS = 240.0
"""A watch that was silent is opened again after 150 s, a failed write after 30 s."""
RESTORED_SECONDS = 4200.0
"""After a restore: the server's versions may have caught up before they were compared.
Then all is listed within the hour, when a watch has ended."""
QUIET_SECONDS = 3600.0
MOST_ASKED = 60
"""Requests of a quiet hour: four watches of some minutes each, and kube-proxy's
configuration once."""


class NotSettledError(AssertionError):
    """What the daemon has to know or to write is not there."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a day has seen."""

    requests: int
    quiet: int
    """Those of the quiet hour."""


class NodeDrill:
    """One node's day."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._server = ApiServer(random=Random(f"{seed}/server"))
        self._server.notes = True
        self._plane = ControlPlane(self._server)
        self._world: World = world()
        cloud = self._world.service.world
        self._instance_id: str = cloud.named(Instance, self._world.instance).id
        self._pods: list[Body] = []
        self._made = 0
        self._backup: Backup | None = None
        self._was_restored = False
        self._lives = 0
        self._ends = trio.Event()

    async def run(self, events: int) -> Outcome:
        """Let so many things happen, then let all settle.

        Raises:
            NotSettledError: it does not.
        """
        self._plane.add_node(NODE, address=self._world.address)
        self._plane.add_node(OTHER, address="10.0.0.99")
        other = self._server.store.table(NODES).objects[OTHER].revision
        async with trio.open_nursery() as tasks:
            tasks.start_soon(self._live)
            for _ in range(events):
                self._happen()
                await trio.sleep(self._random.uniform(0.0, MOST_PAUSE_SECONDS))
            self._heal()
            seconds = RESTORED_SECONDS if self._was_restored else SETTLE_SECONDS
            await trio.sleep(seconds)
            found = list(self._wrong())
            before = len(self._server.asked)
            await trio.sleep(QUIET_SECONDS)
            quiet = len(self._server.asked) - before
            tasks.cancel_scope.cancel()
        if self._server.store.table(NODES).objects[OTHER].revision != other:
            found.append("another node was changed (I8)")
        if quiet > MOST_ASKED:
            found.append(f"{quiet} requests in a quiet hour (I15)")
        if found:
            raise NotSettledError("; ".join(found))
        return Outcome(requests=len(self._server.asked), quiet=quiet)

    async def _live(self) -> None:
        """Run one life of the daemon after another."""
        while True:
            self._lives += 1
            self._ends = trio.Event()
            random = Random(self._random.random())
            self._cluster = cluster_of(
                self._server, settings(), node=NODE, random=random
            )
            async with self._world.node(cluster=self._cluster):
                await self._ends.wait()

    def _happen(self) -> None:
        choices = (
            *[self._start] * 4,
            *[self._stop] * 3,
            self._restart,
            self._delete_network,
            self._change_network,
            self._taint,
            self._renew_node,
            self._heartbeat,
            self._back_up,
            self._restore,
            *[self._cut] * 2,
            *[self._hinder] * 3,
            *[self._heal] * 5,
        )
        self._random.choice(choices)()

    def _start(self) -> None:
        self._made += 1
        name = f"pod{self._made}"
        if any(True for x in self._server.objects(NODES) if x.key == NODE):
            self._pods.append(self._plane.create_pod("default", name, node=NODE))

    def _stop(self) -> None:
        if self._pods:
            pod = self._pods.pop(self._random.randrange(len(self._pods)))
            self._plane.delete_pod(pod)
            self._plane.end_pod(pod)

    def _restart(self) -> None:
        self._ends.set()

    def _network(self) -> str:
        return next((x.key for x in self._server.objects(NETWORKS)), "")

    def _delete_network(self) -> None:
        if name := self._network():
            self._server.delete(f"{NETWORKS.path}/{name}")

    def _change_network(self) -> None:
        """Let somebody change what vcnd has written: vcnd corrects what is its own."""
        if name := self._network():
            patch = {"spec": {"podSubnetIds": ["ocid1.subnet.oc1.iad.others"]}}
            self._server.patch(f"{NETWORKS.path}/{name}", patch)

    def _taint(self) -> None:
        taints = [{"key": STARTUP_TAINT, "effect": "NoSchedule"}]
        self._server.patch(f"{NODES.path}/{NODE}", {"spec": {"taints": taints}})

    def _renew_node(self) -> None:
        """Let somebody delete the node's object: its kubelet registers again."""
        self._plane.remove_node(NODE)
        self._pods.clear()
        self._plane.add_node(NODE, address=self._world.address)

    def _heartbeat(self) -> None:
        self._plane.heartbeat(NODE)

    def _back_up(self) -> None:
        self._backup = self._server.store.backup()

    def _restore(self) -> None:
        """Restore the backup; the server is away until it is healed."""
        if self._backup is not None:
            self._server.restore(self._backup)
            self._pods = [x.body for x in self._server.objects(PODS)]
            self._was_restored = True

    def _cut(self) -> None:
        how = self._random.choice(list(Cut))
        self._server.cut(how, share=self._random.choice((0.3, 1.0)))

    def _hinder(self) -> None:
        server, random = self._server, self._random
        match random.randrange(6):
            case 0:
                server.stop()
            case 1:
                server.hold()
            case 2:
                server.faults.refused = random.choice((0.2, 0.7))
            case 3:
                server.faults.lost = random.choice((0.3, 1.0))
            case 4:
                server.faults.expired = 0.5
            case _:
                server.set_lag(random.choice((0.5, 5.0, 30.0)))

    def _heal(self) -> None:
        server, faults = self._server, self._server.faults
        if faults == Faults():
            return
        if faults.is_away:
            if self._random.random() < 0.5:
                server.compact()
            server.start()
        server.go_on()
        server.set_lag(0.0)
        faults.refused = faults.lost = faults.expired = 0.0

    def _wrong(self) -> Iterator[str]:
        """Yield what is wrong now."""
        yield from wrong(self._server, self._cluster, NODE, self._instance_id)
        networks = [x.body for x in self._server.objects(NETWORKS)]
        if len(networks) != 1:
            yield f"there are {len(networks)} NativePodNetworks"
        for network in networks:
            if "others" in network["spec"]["podSubnetIds"][0]:
                yield "the NativePodNetwork has another's subnet"


async def _drill(seed: int, events: int) -> Outcome:
    return await NodeDrill(seed).run(events)


def drill(seed: int, events: int = 40) -> Outcome:
    """Run a node's day in virtual time.

    Raises:
        NotSettledError: not all is well at its end.
    """
    with seeded(seed):
        return trio.run(_drill, seed, events, clock=MockClock(autojump_threshold=0))
