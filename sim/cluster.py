"""A cluster in memory: the test binds pods, and reports and Events are kept."""

from collections.abc import Mapping, Sequence
from typing import Never

import trio

from vcnd.model.cause import Fault
from vcnd.model.errors import ClusterError, PodNetworkError
from vcnd.model.podnetwork import PodNetwork
from vcnd.model.report import ClusterEvent, NodeReport
from vcnd.model.request import PodRequest
from vcnd.model.sandbox import BoundPod, PodRef
from vcnd.signals import Bell


class MemoryCluster:
    """One node's view of a cluster, which a test can switch off."""

    def __init__(self) -> None:
        self.bound: dict[str, PodRef] = {}
        self.annotations_of: dict[str, dict[str, str]] = {}
        """Annotations, by the pod's name."""
        self.resources_of: dict[str, dict[str, str]] = {}
        """Extended resources, by the pod's name."""
        self.synced = True
        self.away = False
        self.refuses_notices = False
        self.refuses_reports = False
        self.instance_id = ""
        self.asked: PodNetwork | None = None
        """The pod network of others' NativePodNetwork; None if there is none."""
        self.is_network_read = True
        """Whether the NativePodNetwork, or that there is none, is known."""
        self.refusal = ""
        """Why the NativePodNetwork is malformed; empty if it is not."""
        self.proxy: Fault | None = None
        """kube-proxy's fault, if any."""
        self.services: tuple[str, ...] = ()
        """Networks of Services."""
        self.takes: int | None = None
        """How many pods kubelet takes, if its Node tells."""
        self.cut_off: dict[str, Fault] = {}
        """Why a watch fails, by kind."""
        self.skipped: dict[str, str] = {}
        """Why an object cannot be decoded, by kind."""
        self.annotation: dict[str, tuple[str, ...]] = {}
        """What the Node tells of pods, by uid."""
        self.early_writes: list[float] = []
        """When the annotation was written."""
        self.known: set[str] = set()
        """The uids of pods whose status tells their addresses."""
        self.write_seconds = 0.0
        """How long such a write takes."""
        self.reports: list[NodeReport] = []
        self.events: list[ClusterEvent] = []
        self._changed = trio.Event()
        self._network_changed = Bell()

    def bind(self, *names: str) -> None:
        for name in names:
            self.bound[name] = PodRef(namespace="default", name=name, uid=name)
        self._changed.set()

    def unbind(self, *names: str) -> None:
        for name in names:
            del self.bound[name]
        self._changed.set()

    def tell(self, *uids: str) -> None:
        """Let the status of pods tell their addresses."""
        self.known.update(uids)
        self._changed.set()

    def change(self) -> None:
        self._changed.set()
        self._network_changed.ring()

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        task_status.started()
        self.change()
        await trio.sleep_forever()
        raise AssertionError

    async def until_changed(self) -> None:
        await self._changed.wait()
        self._changed = trio.Event()

    def next_network(self) -> trio.Event:
        return self._network_changed.take()

    def pods(self) -> list[BoundPod] | None:
        if not self.synced:
            return None
        return [
            BoundPod(
                pod=p,
                request=self._request(p.name, None),
                awaited=p.uid not in self.known,
            )
            for p in self.bound.values()
        ]

    def request(self, pod: PodRef, told: Mapping[str, str] | None) -> PodRequest | None:
        if not self.synced or pod.name not in self.bound:
            return None if told is None else PodRequest(annotations=told)
        return self._request(pod.name, told)

    def _request(self, name: str, told: Mapping[str, str] | None) -> PodRequest:
        own = self.annotations_of.get(name, {}) if told is None else told
        return PodRequest(annotations=own, resources=self.resources_of.get(name, {}))

    def unfollowed(self) -> Mapping[str, Fault]:
        return self.cut_off

    def undecodable(self) -> Mapping[str, str]:
        return self.skipped

    def identify(self, instance_id: str) -> None:
        self.instance_id = instance_id

    async def network(self, own: PodNetwork) -> PodNetwork | None:
        await self._reach()
        if not self.is_network_read:
            return None
        if self.refusal:
            raise PodNetworkError(self.refusal)
        return self.asked or own

    def max_pods(self) -> int | None:
        return self.takes

    async def service_networks(self) -> tuple[str, ...]:
        await self._reach()
        return self.services

    async def proxy_problem(self, subnets: Sequence[str]) -> Fault | None:
        await self._reach()
        return self.proxy if subnets else None

    async def publish(self, report: NodeReport) -> None:
        await self._reach()
        if self.refuses_reports:
            raise ClusterError("PATCH nodes/one: 403 Forbidden")
        if not self.reports or self.reports[-1] != report:
            self.reports.append(report)

    async def early_addresses(self) -> Mapping[str, tuple[str, ...]]:
        await self._reach()
        return dict(self.annotation)

    async def tell_early(self, addresses: Mapping[str, Sequence[str]]) -> None:
        await self._reach()
        await trio.sleep(self.write_seconds)
        self.annotation = {uid: tuple(some) for uid, some in addresses.items()}
        self.early_writes.append(trio.current_time())

    async def post_event(self, event: ClusterEvent) -> None:
        await self._reach()
        if self.refuses_notices:
            raise ClusterError("POST events: 403 Forbidden")
        self.events.append(event)

    async def _reach(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.away:
            raise ClusterError("GET /: no answer: the API server is away")
