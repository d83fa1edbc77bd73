"""The metrics of following the cluster and of writing to it."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
import trio
from trio.testing import MockClock

from tests.doubles.apiserver import MemoryApiServer
from tests.kube.test_cluster import NAMESPACES, NODES, PODS, following, node, pod_of
from tests.kubeapi.test_cache import line
from vcnd.kube.cluster import KubeCluster
from vcnd.kube.metrics import METRICS
from vcnd.model.errors import ClusterError
from vcnd.model.metrics import MetricFamily

KINDS = ("Pod", "Namespace", "Node", "NativePodNetwork")
WALL = 1_800_000_000.0


@pytest.fixture
def server() -> MemoryApiServer:
    made = MemoryApiServer()
    made.items = {PODS: [pod_of("shop", "5")], NAMESPACES: [], NODES: [node("6")]}
    return made


def read(cluster: KubeCluster) -> Mapping[str, Mapping[tuple[str, ...], float]]:
    told = msgspec.json.encode(list(cluster.families()))
    families = msgspec.json.decode(told, type=list[MetricFamily])  # as vcndctl does
    assert [f.metric for f in families] == [*METRICS]
    return {
        f.metric.name.removeprefix("vcnd_kubernetes_"): {
            s.labels: s.value for s in f.samples
        }
        for f in families
    }


async def test_each_kind_is_told(
    autojump_clock: MockClock, tmp_path: Path, server: MemoryApiServer
) -> None:
    bookmark = line("BOOKMARK", pod_of("shop", "9"))
    async with following(server, tmp_path) as cluster:
        await trio.sleep(1)
        found = read(cluster)
        assert found["followed"] == {(kind,): 1 for kind in KINDS}
        assert found["lists"] == found["watches"] == {(kind,): 1 for kind in KINDS}
        assert found["follow_failures"] == found["heard_timestamp_seconds"] == {}
        assert found["skipped_objects"] == {(kind,): 0 for kind in KINDS}
        server.lines[PODS] = [bookmark]
        await trio.sleep(600)
        (at,) = read(cluster)["heard_timestamp_seconds"].values()
        assert WALL - 600 < at <= WALL


async def test_kind_that_cannot_be_followed_is_told(
    autojump_clock: MockClock, tmp_path: Path, server: MemoryApiServer
) -> None:
    server.list_text = "<html>"
    async with following(server, tmp_path) as cluster:
        await trio.sleep(120)
        found = read(cluster)
        assert found["followed"] == {(kind,): 0 for kind in KINDS}
        assert {kind for kind, _ in found["follow_failures"]} == {*KINDS}
        assert min(found["follow_failures"].values()) > 2


async def test_writes_are_counted_by_how_they_end(
    autojump_clock: MockClock, tmp_path: Path, server: MemoryApiServer
) -> None:
    async with following(server, tmp_path) as cluster:
        await trio.sleep(1)
        await cluster.tell_early({})
        server.refusals = [403]
        with pytest.raises(ClusterError):
            await cluster.tell_early({})
        assert read(cluster)["writes"] == {("ok",): 1, ("not_authorized",): 1}
