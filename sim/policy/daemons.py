"""Nodes with both daemons: vcnd gives pods addresses, and vcnd-policy admits them."""

from collections.abc import Callable, Mapping
from random import Random

import trio
from msgspec.structs import replace

from sim.host import MemoryHost
from sim.kubernetes.adapter import cluster_of
from sim.kubernetes.resources import Body
from sim.kubernetes.server import ApiServer
from sim.policy.stage import TELL_SECONDS, PolicyNode, Running, Stage
from sim.world import World, settings
from vcnd.config import Config, PolicySection
from vcnd.model.interface import PodInterface
from vcnd.model.policy import Attached
from vcnd.model.sandbox import Lease, PodRef, SandboxKey
from vcnd.model.vnic import VnicSlot
from vcnd.node import Node

STRICT = replace(settings(), policy=PolicySection(enforcement="strict"))
NETNS = 100
"""That of the first pod."""


class HeardHost(MemoryHost):
    """A kernel whose links are heard of, as they come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.changed: Callable[[], None] = lambda: None

    async def plug(
        self, lease: Lease, *, netns: int, slots: Mapping[str, VnicSlot]
    ) -> PodInterface:
        made = await super().plug(lease, netns=netns, slots=slots)
        self.changed()
        return made

    async def unplug(self, lease: Lease) -> None:
        await super().unplug(lease)
        self.changed()


class DaemonNode(PolicyNode):
    """A node with both daemons."""

    def __init__(
        self, server: ApiServer, view: World, config: Config, *, seed: int
    ) -> None:
        super().__init__(server, view.instance, seed=seed, strict=True)
        self.view, self.host, self._config = view, HeardHost(), config
        view.host = self.host
        self.host.changed = self._heard
        self.daemon: Node | None = None
        self._server, self._seed = server, seed

    def _heard(self) -> None:
        self.links.clear()
        for lease, _ in self.host.links.values():
            self.links[lease.host_ifname] = Attached(
                link=lease.host_ifname,
                addresses=lease.addresses,
                namespace=lease.pod.namespace,
                name=lease.pod.name,
                uid=lease.pod.uid,
            )
        self.kernel.links_changed.set()

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Run the daemon; it starts after vcnd-policy, and pods after it."""
        random = Random(self._seed)
        cluster = cluster_of(self._server, self._config, node=self.name, random=random)
        async with self.view.node(
            self._config, cluster=cluster, policies=self.process
        ) as daemon:
            self.daemon = daemon
            task_status.started()
            await trio.sleep_forever()


class DaemonStage(Stage):
    """A cluster of such nodes, in one cloud."""

    def __init__(
        self,
        server: ApiServer,
        tasks: trio.Nursery,
        view: World,
        config: Config = STRICT,
    ) -> None:
        super().__init__(server, tasks)
        self._view, self._config = view, config

    async def add_node(self, name: str) -> None:
        number = len(self.nodes) + 1
        view = self._view.beside(name)
        self.plane.add_node(name, address=view.address)
        made = DaemonNode(self.server, view, self._config, seed=number)
        self.nodes[name] = made
        await self._tasks.start(made.run)
        await self._tasks.start(made.serve)

    async def add_pod(
        self, namespace: str, labels: dict[str, str], *, node: str, seconds: float = 1.0
    ) -> Running:
        """Create and bind a pod; after a while its ADD comes.  Return it plugged.

        Raises:
            VcndError: ADD has failed.
        """
        there = self.nodes[node]
        assert isinstance(there, DaemonNode)
        assert there.daemon is not None
        self._number += 1
        name, key = f"pod{self._number}", SandboxKey("vcnd", f"c{self._number}", "eth0")
        body: Body = self.plane.create_pod(namespace, name, node=node, labels=labels)
        await trio.sleep(seconds)
        pod = PodRef(namespace=namespace, name=name, uid=body["metadata"]["uid"])
        lease, _ = await there.daemon.attacher.add(key, pod, NETNS + self._number)
        running = Running(
            body=body,
            node=there,
            link=there.links[lease.host_ifname],
            plugged_at=trio.current_time(),
        )
        self.pods[pod.uid] = running
        self._tasks.start_soon(self._tell, running)
        return running

    async def _tell(self, pod: Running) -> None:
        await trio.sleep(TELL_SECONDS)
        self.plane.started(pod.body, pod.link.addresses)
