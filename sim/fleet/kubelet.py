"""A node's kubelet, as far as Kubernetes hears of it: what it is told, and tells.

A kubelet that is cut off hears nothing, and tells what it has to tell later.  Its pods
go on.  The node controller misses it after a while, and evicts its pods after more.
"""

from collections.abc import Callable, Sequence
from typing import Never

import trio

from sim.fleet.cluster import FleetCluster
from sim.fleet.pods import Pod
from sim.kubernetes.control_plane import EVICTION_SECONDS, LOST_SECONDS

HEARTBEAT_SECONDS = 300.0
TELL_SECONDS = 1.0
"""So long after an ADD a pod's addresses are told."""


class Kubelet:
    """One node's kubelet."""

    def __init__(
        self,
        cluster: FleetCluster,
        name: str,
        *,
        address: str,
        start: Callable[[Pod], None],
    ) -> None:
        """Make it; it registers when its machine is on.

        Args:
            cluster: whose node it is.
            name: the Node's.
            address: the Node's.
            start: makes a pod's sandbox, and keeps it until the pod is deleted.
        """
        self.cluster, self.name = cluster, name
        self.asked_name = name
        """The name that it registers by at the next boot; its daemons know it."""
        self._plane, self._address, self._start = cluster.plane, address, start
        self._pods: dict[str, Pod] = {}
        """Those that are bound here, by uid."""
        self._owed: list[Callable[[], None]] = []
        """What it could not tell yet."""
        self._cuts = 1
        """How many reasons there are why it does not reach the API server."""
        self._boot_id = ""
        """That of a boot that it has not told yet."""
        self._cordons = 0
        self.is_there = False
        """Whether its Node is there."""
        self._is_lost = False
        self._missing = trio.CancelScope()
        cluster.when_up.append(self.sync)

    # Its way to the API server

    @property
    def hears(self) -> bool:
        """Return True if it is registered and reaches the API server."""
        return self._reaches and self.is_there and not self._boot_id

    @property
    def _reaches(self) -> bool:
        return not self._cuts and self.cluster.is_up

    def boot(self, boot_id: str) -> None:
        """Be on; register as soon as the API server is reached."""
        self._boot_id = boot_id
        self.connect()

    def cut_off(self) -> None:
        """Reach the API server no more; the node controller misses it."""
        self._cuts += 1
        if self._cuts == 1:
            self._missing = trio.CancelScope()
            self.cluster.tasks.start_soon(self._miss, self._missing)

    def connect(self) -> None:
        """End a ``cut_off``, or the time before the first boot."""
        self._cuts -= 1
        if not self._cuts:
            self._missing.cancel()
            self.sync()

    def sync(self) -> None:
        """Register, hear of all pods, and tell what could not be told."""
        if not self._reaches:
            return
        if self._is_lost:
            self._plane.find(self.name)
            self._is_lost = False
        if self._boot_id:
            self._register()
        owed, self._owed = self._owed, []
        for news in owed:
            news()
        for pod in list(self._pods.values()):
            self.hear(pod)

    def _register(self) -> None:
        boot_id, self._boot_id = self._boot_id, ""
        if not self.is_there:
            self._plane.add_node(self.asked_name, address=self._address)
            self.is_there = True
        elif self.asked_name != self.name:
            self._plane.rename(self.name, self.asked_name, address=self._address)
            self._cordons = 0
        else:
            self._plane.reboot(self.name, boot_id=boot_id)
        self.name = self.asked_name

    async def _miss(self, missing: trio.CancelScope) -> None:
        """Let the node controller note its silence, and evict its pods."""
        with missing:
            await trio.sleep(LOST_SECONDS)
            await self.cluster.until_up()
            if not self.is_there:
                return
            self._plane.lose(self.name)
            self._is_lost = True
            await trio.sleep(EVICTION_SECONDS)
            await self.cluster.until_up()
            for body in self._plane.pods_on(self.name):
                self._plane.delete_pod(body)

    async def beat(self) -> Never:
        """Tell that it is there, again and again."""
        while True:
            await trio.sleep(HEARTBEAT_SECONDS)
            if self.hears:
                self._plane.heartbeat(self.name)

    async def leave(self) -> None:
        """Be gone for ever: the cloud's controller deletes the Node."""
        was_there, self.is_there = self.is_there, False
        self._cuts += 1
        self._missing.cancel()
        await trio.sleep(LOST_SECONDS)
        await self.cluster.until_up()
        if was_there:
            self._plane.remove_node(self.name)
        for pod in list(self._pods.values()):
            pod.delete()

    # Its node

    def drain(self) -> None:
        """Keep new pods away, and evict those that are there."""
        self._cordons += 1
        if self.is_there:
            self._plane.drain(self.name)
            self.sync()

    def uncordon(self) -> None:
        """End a ``drain``, unless the Node is another one by now."""
        if self._cordons:
            self._cordons -= 1
            if not self._cordons and self.is_there:
                self._plane.cordon(self.name, off=True)

    def takes_pods(self) -> bool:
        """Return True if the scheduler may bind pods here."""
        return self.is_there and self._plane.takes_pods(self.name)

    # Its pods

    def assign(self, pod: Pod) -> None:
        """Note that a pod was bound here."""
        self._pods[pod.ref.uid] = pod
        self.hear(pod)

    def hear(self, pod: Pod) -> None:
        """Hear of one pod, if it reaches the API server."""
        if not self.hears:
            return
        body = self._plane.now(pod.body)
        if body is None or "deletionTimestamp" in body["metadata"]:
            pod.delete()
            if not pod.is_here:
                self.gone(pod)
        elif not pod.is_here:
            pod.is_here = True
            self._start(pod)

    def _tell(self, news: Callable[[], None]) -> None:
        if self.hears:
            news()
        else:
            self._owed.append(news)

    async def tell_started(self, pod: Pod, addresses: Sequence[str]) -> None:
        """Tell a pod's addresses a little later."""
        await trio.sleep(TELL_SECONDS)
        if pod.wanted:
            self._tell(lambda: self._plane.started(pod.body, addresses))

    def finish(self, pod: Pod) -> None:
        """Let a pod's containers end for good, and with them its sandbox."""
        if pod.is_here and pod.wanted:
            self._tell(lambda: self._plane.finished(pod.body))
            pod.delete()

    def gone(self, pod: Pod) -> None:
        """Tell that nothing of a pod is left; the object of a finished one stays."""
        self._pods.pop(pod.ref.uid, None)
        self._tell(lambda: self._end(pod))

    def _end(self, pod: Pod) -> None:
        body = self._plane.now(pod.body)
        if body is not None and "deletionTimestamp" in body["metadata"]:
            self._plane.end_pod(body)
