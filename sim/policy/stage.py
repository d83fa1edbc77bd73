"""Nodes with vcnd-policy and pods, but without daemons: what policies need."""

from collections import deque
from collections.abc import Iterator

import msgspec
import trio

from sim.kubernetes.control_plane import ControlPlane
from sim.kubernetes.resources import Body
from sim.kubernetes.server import ApiServer
from sim.policy.drawn import CONTAINERS
from sim.policy.kernel import PolicyKernel
from sim.policy.oracle import COOLING_SECONDS
from sim.policy.process import Process
from vcnd.model.admission import Admission
from vcnd.model.policy import Attached, Packet

TELL_SECONDS = 1.0
"""So long after ADD the kubelet tells a pod's addresses."""


class Running(msgspec.Struct, eq=False, kw_only=True):
    """A pod that is plugged."""

    body: Body
    node: "PolicyNode"
    link: Attached
    plugged_at: float

    @property
    def address(self) -> str:
        """Return its address."""
        return self.link.addresses[0]


class PolicyNode:
    """A node: links, a kernel, and vcnd-policy, which comes and goes."""

    def __init__(
        self, server: ApiServer, name: str, *, seed: int, strict: bool
    ) -> None:
        self.name = name
        self.links: dict[str, Attached] = {}
        self.kernel = PolicyKernel(self.links.values)
        self.process = Process(server, self.kernel, node=name, seed=seed, strict=strict)
        self.ready = trio.Event()
        """Set when vcnd-policy has tried: pods may come."""
        self._life = trio.CancelScope()

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Run lives of vcnd-policy, one after another."""
        started = False
        while True:
            with trio.CancelScope() as self._life:
                async with self.process.running() as engine:
                    # The daemon starts after that, and pods after the daemon.
                    await engine.until_tried()
                    self.ready.set()
                    if not started:
                        task_status.started()
                        started = True
                    await trio.sleep_forever()

    def restart_process(self) -> None:
        """End the life of vcnd-policy that goes on; the next one begins at once."""
        self._life.cancel()


class Stage:
    """A cluster of such nodes."""

    def __init__(
        self, server: ApiServer, tasks: trio.Nursery, *, strict: bool = True
    ) -> None:
        self.server, self.plane = server, ControlPlane(server)
        self.nodes: dict[str, PolicyNode] = {}
        self.pods: dict[str, Running] = {}
        """Those that are plugged, by uid."""
        self._tasks, self._number, self._strict = tasks, 0, strict
        self._cooling: deque[tuple[float, str]] = deque()

    async def add_node(self, name: str) -> None:
        """Add a node that is ready for pods."""
        number = len(self.nodes) + 1
        self.plane.add_node(name, address=f"10.0.0.{number}")
        made = PolicyNode(self.server, name, seed=number, strict=self._strict)
        self.nodes[name] = made
        await self._tasks.start(made.run)

    def start_pod(
        self, namespace: str, labels: dict[str, str], *, node: str, name: str = ""
    ) -> Running:
        """Create and bind a pod, and plug it; the kubelet tells its address later."""
        self._number += 1
        name = name or f"pod{self._number}"
        body = self.plane.create_pod(
            namespace, name, node=node, labels=labels, containers=CONTAINERS
        )
        there, uid = self.nodes[node], body["metadata"]["uid"]
        link = Attached(
            link=f"oci{self._number}",
            addresses=(self._address(),),
            namespace=namespace,
            name=name,
            uid=uid,
        )
        pod = Running(body=body, node=there, link=link, plugged_at=trio.current_time())
        there.links[link.link] = link
        there.kernel.links_changed.set()
        self.pods[uid] = pod
        self._tasks.start_soon(self._admit, pod)
        return pod

    async def _admit(self, pod: Running) -> None:
        question = Admission(
            link=pod.link.link,
            addresses=pod.link.addresses,
            namespace=pod.link.namespace,
            name=pod.link.name,
            uid=pod.link.uid,
        )
        await pod.node.process.ask(question)
        await trio.sleep(TELL_SECONDS)
        self.plane.started(pod.body, pod.link.addresses)

    def replace_pod(self, old: Running, labels: dict[str, str]) -> Running:
        """Let a pod's object go, and another of its name come; both have links.

        The old one's sandbox ends later, with ``stop_pod``.
        """
        self.plane.end_pod(old.body)
        link = old.link
        return self.start_pod(
            link.namespace, labels, node=old.node.name, name=link.name
        )

    def stop_pod(self, pod: Running) -> None:
        """Unplug a pod, and let its object go."""
        pod.node.links.pop(pod.link.link)
        pod.node.kernel.links_changed.set()
        del self.pods[pod.body["metadata"]["uid"]]
        self.plane.end_pod(pod.body)
        self._cooling.append((trio.current_time() + COOLING_SECONDS, pod.address))
        for node in self.nodes.values():
            node.kernel.end(pod.address)

    def _address(self) -> str:
        if self._cooling and self._cooling[0][0] <= trio.current_time():
            return self._cooling.popleft()[1]
        return f"10.1.{self._number // 250}.{self._number % 250 + 1}"

    def reboot(self, node: PolicyNode) -> None:
        """Let a node lose all; it takes pods when vcnd-policy has started."""
        for pod in [x for x in self.pods.values() if x.node is node]:
            self.stop_pod(pod)
        node.kernel.reboot()
        node.ready = trio.Event()
        node.restart_process()

    def links(self) -> dict[str, list[Attached]]:
        """Return the pods' links by node."""
        return {name: [*node.links.values()] for name, node in self.nodes.items()}

    def by_address(self) -> dict[str, Running]:
        """Return the pods by their addresses."""
        return {pod.address: pod for pod in self.pods.values()}

    def live(self) -> Iterator[Packet]:
        """Yield the first packets of all live connections."""
        for node in self.nodes.values():
            yield from node.kernel.connections
