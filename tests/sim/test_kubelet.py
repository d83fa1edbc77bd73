"""What kubelets of a fleet hear, and what becomes of nodes that are silent."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import Random

import trio
from trio.testing import MockClock

from sim.fleet.cluster import FleetCluster
from sim.fleet.events import StartPod
from sim.fleet.kubelet import Kubelet
from sim.fleet.pods import Pod
from sim.fleet.scheduler import Scheduler
from sim.kubernetes.control_plane import UNREACHABLE
from sim.kubernetes.resources import NODES, PODS


class Stage:
    """A cluster with one node, whose runtime is the test."""

    def __init__(self, tasks: trio.Nursery) -> None:
        self.cluster = FleetCluster(Random(1), tasks)
        self.scheduler = Scheduler(self.cluster)
        tasks.start_soon(self.scheduler.run)
        self.started: list[Pod] = []
        self.kubelet = Kubelet(
            self.cluster, "node1", address="10.0.0.2", start=self.started.append
        )

    async def pod(self, number: int, *, tolerates: bool = True) -> Pod:
        event = StartPod(
            at=0.0,
            node=0,
            pod=number,
            seconds=60.0,
            kubelet_seconds=0.1,
            tolerates=tolerates,
        )
        return await self.scheduler.create(event, self.kubelet, {})

    def taints(self) -> Iterator[str]:
        for stored in self.cluster.server.objects(NODES):
            for taint in stored.body["spec"].get("taints") or []:
                yield taint["key"]

    def untaint(self) -> None:
        path = f"{NODES.path}/{self.kubelet.name}"
        self.cluster.server.patch(path, {"spec": {"taints": []}})

    def pods(self) -> set[str]:
        return {x.body["metadata"]["name"] for x in self.cluster.server.objects(PODS)}


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    async with trio.open_nursery() as tasks:
        made = Stage(tasks)
        made.kubelet.boot("boot1")
        yield made
        tasks.cancel_scope.cancel()


async def test_pod_waits_until_its_node_takes_pods(autojump_clock: MockClock) -> None:
    async with stage() as s:
        pod = await s.pod(1, tolerates=False)
        await trio.sleep(60.0)
        assert not s.started
        s.untaint()
        await trio.sleep(1.0)
        assert s.started == [pod]
        assert not s.scheduler.waiting


async def test_silent_node_is_missed_and_found(autojump_clock: MockClock) -> None:
    """Its pods are evicted, and it hears of that when it is back."""
    async with stage() as s:
        pod = await s.pod(1)
        s.kubelet.cut_off()
        await trio.sleep(50.0)
        assert UNREACHABLE in s.taints()
        await trio.sleep(350.0)
        wanted = [pod.wanted]
        s.kubelet.connect()
        assert [*wanted, pod.wanted] == [True, False]
        assert UNREACHABLE not in s.taints()
        s.kubelet.gone(pod)
        assert not s.pods()


async def test_second_reason_to_be_silent_lasts_on(autojump_clock: MockClock) -> None:
    async with stage() as s:
        s.kubelet.cut_off()
        s.kubelet.cut_off()
        s.kubelet.connect()
        await s.pod(1)
        assert not s.started
        s.kubelet.connect()
        assert len(s.started) == 1


async def test_renamed_node_begins_without_pods(autojump_clock: MockClock) -> None:
    async with stage() as s:
        pod = await s.pod(1)
        s.kubelet.cut_off()
        s.kubelet.asked_name = "node1-1"
        s.kubelet.boot("boot2")
        assert [x.key for x in s.cluster.server.objects(NODES)] == ["node1-1"]
        assert not pod.wanted
        assert not s.pods()


async def test_nobody_writes_while_the_server_is_away(
    autojump_clock: MockClock,
) -> None:
    async with stage() as s, trio.open_nursery() as calls:
        s.cluster.stop()
        s.cluster.stop()
        calls.start_soon(s.pod, 1)
        await trio.sleep(10.0)
        s.cluster.start()
        await trio.sleep(10.0)
        assert not s.pods()
        s.cluster.start()
        await trio.sleep(1.0)
        assert s.pods() == {"pod1"}
        assert len(s.started) == 1


async def test_finished_pod_stays_until_it_is_deleted(
    autojump_clock: MockClock,
) -> None:
    async with stage() as s:
        pod = await s.pod(1)
        s.kubelet.finish(pod)
        s.kubelet.gone(pod)
        assert not pod.wanted
        (stored,) = s.cluster.server.objects(PODS)
        assert stored.body["status"]["phase"] == "Succeeded"
        await s.scheduler.delete(pod, s.kubelet)
        assert not s.pods()
