"""The uids by which the node knows the pods that are bound to it."""

from pathlib import Path
from typing import Any

import trio
from trio.testing import MockClock

from tests.doubles.apiserver import MemoryApiServer
from tests.kube.test_cluster import NAMESPACES, PODS, following, namespace, pod_of
from vcnd.kube.trim import MIRROR, STATIC_UID
from vcnd.model.sandbox import PodRef


def mirror_of(uid: str, version: str, **more: Any) -> dict[str, Any]:
    annotations = {STATIC_UID: uid, MIRROR: uid}
    meta = {"name": f"m{version}", "uid": f"u{version}", "annotations": annotations}
    return pod_of("shop", version, metadata=meta | more)


async def uids_of(tmp_path: Path, *pods: dict[str, Any]) -> list[str]:
    server = MemoryApiServer()
    server.items = {NAMESPACES: [namespace("shop", "3")], PODS: [*pods]}
    async with following(server, tmp_path) as cluster:
        await trio.sleep(1)
        return [b.pod.uid for b in cluster.pods() or []]


async def test_mirror_is_bound_by_the_uid_that_its_lease_has(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    assert await uids_of(tmp_path, mirror_of("f00", "5")) == ["f00"]


async def test_mirror_takes_no_other_pods_place(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    real = pod_of("shop", "5", metadata={"uid": "real"})
    for pods in ((real, mirror_of("real", "6")), (mirror_of("real", "6"), real)):
        assert sorted(await uids_of(tmp_path, *pods)) == ["real", "u6"]


async def test_only_a_mirror_lends_its_request_to_another_uid(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    server = MemoryApiServer()
    sham = mirror_of("f00", "6")
    del sham["metadata"]["annotations"][MIRROR]
    pods = [mirror_of("f00", "5"), sham]
    server.items = {NAMESPACES: [namespace("shop", "3")], PODS: pods}
    async with following(server, tmp_path) as cluster:
        await trio.sleep(1)
        for name, known in (("m5", True), ("m6", False)):
            pod = PodRef(namespace="shop", name=name, uid="f00")
            assert (cluster.request(pod, None) is not None) is known
