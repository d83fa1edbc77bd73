"""Makes pods, and binds each to its node once that takes pods."""

from collections.abc import Mapping
from typing import Any, Never

from sim.fleet.cluster import FleetCluster
from sim.fleet.events import StartPod
from sim.fleet.kubelet import Kubelet
from sim.fleet.pods import Pod
from sim.kubernetes.resources import NODES
from sim.kubernetes.store import Change
from sim.policy import drawn
from vcnd.model.sandbox import PodRef
from vcnd.signals import Latch

NAMESPACE = "default"


class Scheduler:
    """The users of a cluster, and its scheduler; a schedule names each pod's node."""

    def __init__(self, cluster: FleetCluster, *, selected: bool = False) -> None:
        """Make it.

        Args:
            cluster: its cluster.
            selected: whether pods have the namespaces, labels and ports that network
                policies select.
        """
        self._selected = selected
        self._cluster, self._plane = cluster, cluster.plane
        self._news = Latch()
        self.waiting: list[tuple[Pod, Kubelet]] = []
        """Pods that are not bound yet, and where they shall be."""
        cluster.server.store.table(NODES).listen(self, "", "")

    def hear(self, change: Change) -> None:
        """Note that a node has changed."""
        del change
        if self.waiting:
            self._news.set()

    async def create(
        self, event: StartPod, kubelet: Kubelet, annotations: Mapping[str, str]
    ) -> Pod:
        """Create a pod; bind it at once if its node may be unready."""
        await self._cluster.until_up()
        name = f"pod{event.pod}"
        at_once = event.tolerates and kubelet.is_there
        namespace, about = self._about(event.pod)
        body = self._plane.create_pod(
            namespace,
            name,
            uid=name,
            node=kubelet.name if at_once else "",
            annotations=annotations,
            **about,
        )
        pod = Pod(
            ref=PodRef(namespace=namespace, name=name, uid=name),
            body=body,
            annotations=annotations,
            kubelet_seconds=event.kubelet_seconds,
        )
        if at_once:
            kubelet.assign(pod)
        else:
            self.waiting.append((pod, kubelet))
            self._news.set()
        return pod

    def _about(self, number: int) -> tuple[str, dict[str, Any]]:
        """Return a pod's namespace, and what policies see of it."""
        if not self._selected:
            return NAMESPACE, {}
        apps, namespaces = drawn.APPS, drawn.NAMESPACES
        return namespaces[number % len(namespaces)], {
            "labels": {"app": apps[number % len(apps)]},
            "containers": drawn.CONTAINERS,
        }

    async def delete(self, pod: Pod, kubelet: Kubelet) -> None:
        """Begin to delete a pod."""
        await self._cluster.until_up()
        self._plane.delete_pod(pod.body)
        self.waiting = [x for x in self.waiting if x[0] is not pod]
        kubelet.hear(pod)

    async def run(self) -> Never:
        """Bind pods for ever."""
        while True:
            await self._news.wait()
            await self._cluster.until_up()
            found, self.waiting = self.waiting, []
            for pod, kubelet in found:
                if kubelet.takes_pods():
                    self._plane.bind(pod.body, kubelet.name)
                    kubelet.assign(pod)
                else:
                    self.waiting.append((pod, kubelet))
