"""A pod's addresses reach other nodes by a real API server before its ADD."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from random import Random
from statistics import median
from time import process_time

import pytest
import trio
from msgspec.structs import replace

from integration.lab.apiserver import ApiServer
from integration.tests.kube import TAINT, made_cluster, make_pod
from sim.world import settings, until_warm, world
from vcnd.config import PolicySection
from vcnd.kube import bodies
from vcnd.kube.early import ANNOTATION
from vcnd.kube.policy.source import PolicySource
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import Credentials
from vcnd.log import log
from vcnd.model.policy import PolicyPod
from vcnd.model.sandbox import Lease, PodRef, SandboxKey
from vcnd.node import Node

NODE = "/api/v1/nodes/one"
PODS = "/api/v1/namespaces/default/pods"
FREE = 48


@dataclass
class Stage:
    """A node of the cluster, and what another node's policy process knows."""

    server: ApiServer
    node: Node
    source: PolicySource

    async def bind(self, *names: str) -> None:
        for name in names:
            await trio.to_thread.run_sync(partial(make_pod, self.server, name))

    def seen(self) -> dict[str, PolicyPod]:
        """Return the pods whose addresses the other node knows, by name."""
        cluster = self.source.cluster({})
        return {pod.name: pod for pod in cluster.pods} if cluster else {}

    async def until(self, *names: str) -> None:
        """Return when the other node knows these pods."""
        with trio.fail_after(30):
            while not {*names} <= self.seen().keys():
                await self.source.until_changed()

    async def add(self, name: str) -> Lease:
        meta = self.server.admin("GET", f"{PODS}/{name}").json()["metadata"]
        pod = PodRef(namespace="default", name=name, uid=meta["uid"])
        key = SandboxKey("vcnd", name, "eth0")
        lease, _ = await self.node.attacher.add(key, pod, hash(name) & 0xFFFF)
        return lease

    def tell(self, name: str, *addresses: str) -> None:
        """Let a pod's status tell its addresses."""
        ips = [{"ip": a} for a in addresses]
        status = {"phase": "Running", "podIP": addresses[0], "podIPs": ips}
        path = f"{PODS}/{name}/status"
        assert self.server.admin("PATCH", path, {"status": status}).is_success

    def version(self) -> str:
        meta = self.server.admin("GET", NODE).json()["metadata"]
        return str(meta["resourceVersion"])

    def annotation(self) -> str:
        meta = self.server.admin("GET", NODE).json()["metadata"]
        return str(meta.get("annotations", {}).get(ANNOTATION, ""))

    async def until_written(self) -> None:
        """Return when the start's last write of the Node, its taint's end, is done."""
        with trio.fail_after(30):
            while TAINT in self._taints():
                await trio.sleep(0.05)

    def _taints(self) -> set[str]:
        spec = self.server.admin("GET", NODE).json()["spec"]
        return {taint["key"] for taint in spec.get("taints", [])}


@pytest.fixture
async def stage(server: ApiServer) -> AsyncIterator[Stage]:
    async with running(server) as made:
        yield made
    server.admin("DELETE", bodies.NETWORKS)
    for node in (NODE, "/api/v1/nodes/two"):
        server.admin("PATCH", node, {"metadata": {"annotations": {ANNOTATION: None}}})


@asynccontextmanager
async def running(server: ApiServer) -> AsyncIterator[Stage]:
    config = replace(
        settings(batch=FREE),
        policy=PolicySection(enforcement="strict"),
    )
    path = server.write_kubeconfig(server.admin_token, program="elsewhere")
    source = PolicySource(KubeClient(Credentials(path)), random=Random(1))
    cluster = made_cluster(server, early=True)
    async with (
        trio.open_nursery() as nursery,
        world().node(config, cluster=cluster) as node,
    ):
        await nursery.start(source.run)
        await until_warm(node, FREE)
        made = Stage(server, node, source)
        await made.until_written()
        yield made
        nursery.cancel_scope.cancel()


async def test_other_nodes_know_a_pod_soon_after_it_is_bound(stage: Stage) -> None:
    """Figures: seconds from the call that binds to the other node's knowledge."""
    took = list[float]()
    busy = process_time()
    for number in range(30):
        name = f"early{number}"
        began = trio.current_time()
        await stage.bind(name)
        await stage.until(name)
        took.append(trio.current_time() - began)
    took.sort()
    log.info(
        "known_after",
        median_ms=round(median(took) * 1000),
        worst_ms=round(took[-1] * 1000),
        # Of a pod, with the other node's share, and this test's.
        processor_ms=round((process_time() - busy) / len(took) * 1000, 1),
    )
    assert median(took) < 0.5
    for number in range(30):
        name = f"early{number}"
        known = stage.seen()[name].addresses
        assert (await stage.add(name)).addresses == known
        stage.tell(name, *known)


async def test_burst_of_pods_is_known_after_a_few_writes(stage: Stage) -> None:
    names = [f"burst{n}" for n in range(40)]
    async with trio.open_nursery() as binding:
        for name in names:
            binding.start_soon(stage.bind, name)
    await stage.until(*names)
    known = {name: stage.seen()[name].addresses for name in names}
    assert len({*known.values()}) == len(names)
    for name in names:
        assert (await stage.add(name)).addresses == known[name]


async def test_nothing_is_written_when_a_status_tells_the_address(
    stage: Stage,
) -> None:
    await stage.bind("a")
    await stage.until("a")
    before, value = stage.version(), stage.annotation()
    lease = await stage.add("a")
    stage.tell("a", *lease.addresses)
    await trio.sleep(1)
    assert (stage.version(), stage.annotation()) == (before, value)
    assert stage.seen()["a"].addresses == lease.addresses


async def test_word_of_another_node_is_not_taken(stage: Stage) -> None:
    """A Node tells of pods that are bound to it, and of no others."""
    await trio.to_thread.run_sync(partial(make_pod, stage.server, "far", "two"))
    await stage.bind("near")
    await stage.until("near")
    uid = stage.server.admin("GET", f"{PODS}/far").json()["metadata"]["uid"]
    for node in ("one", "two"):
        value = f'{{"{uid}": ["192.0.2.7"]}}'
        body = {"metadata": {"annotations": {ANNOTATION: value}}}
        assert stage.server.admin("PATCH", f"/api/v1/nodes/{node}", body).is_success
        if node == "one":
            await trio.sleep(0.5)
            assert "far" not in stage.seen()
    await stage.until("far")
    assert stage.seen()["far"].addresses == ("192.0.2.7",)
