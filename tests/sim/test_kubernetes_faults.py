"""What can be wrong with the simulated API server, as the daemon's adapter sees it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest
import trio
from trio.testing import MockClock

from sim.kubernetes.adapter import cluster_of
from sim.kubernetes.connection import client
from sim.kubernetes.control_plane import ControlPlane
from sim.kubernetes.resources import EVENTS
from sim.kubernetes.server import ApiServer, Request
from sim.kubernetes.watching import Cut
from sim.world import settings
from vcnd.kube.cluster import KubeCluster
from vcnd.kubeapi.errors import KubeError
from vcnd.log import log

PODS = "/api/v1/pods"
MOST_SECONDS = 32.0
"""The longest pause between two tries, with jitter."""


@asynccontextmanager
async def following(seed: int = 1) -> AsyncIterator[tuple[ControlPlane, KubeCluster]]:
    """Follow a server with a node and a pod, until all is known."""
    server = ApiServer(random=Random(seed))
    plane = ControlPlane(server)
    plane.add_node("one", address="10.0.0.1")
    plane.create_pod("default", "first", node="one")
    cluster = cluster_of(server, settings(), node="one", random=Random(seed))
    with log.collected():
        async with trio.open_nursery() as nursery:
            await nursery.start(cluster.run)
            cluster.identify("ocid1.instance.oc1.iad.one")
            await until(lambda: names(cluster) == {"first"}, 10)
            yield plane, cluster
            nursery.cancel_scope.cancel()


def names(cluster: KubeCluster) -> set[str]:
    return {bound.pod.name for bound in cluster.pods() or []}


async def until(seen: Callable[[], bool], seconds: float) -> None:
    with trio.fail_after(seconds):
        while not seen():
            await trio.sleep(0.1)


@pytest.mark.matrix(fast=2)
@pytest.mark.parametrize("how", Cut)
async def test_cut_watch_loses_nothing(autojump_clock: MockClock, how: Cut) -> None:
    async with following() as (plane, cluster):
        await trio.sleep(100)
        plane.server.cut(how)
        plane.create_pod("default", "second", node="one")
        await until(lambda: names(cluster) == {"first", "second"}, MOST_SECONDS)


@pytest.mark.matrix(fast=1)
@pytest.mark.parametrize("compacts", [False, True])
async def test_restarted_server_is_followed_again_soon(
    autojump_clock: MockClock, compacts: bool
) -> None:
    """Also by those whose versions it does not have: it says 410 at first."""
    async with following(seed=15) as (plane, cluster):
        with plane.server.away():
            plane.create_pod("default", "second", node="one")
            await trio.sleep(600)
            if compacts:
                plane.server.compact()
        await until(lambda: names(cluster) == {"first", "second"}, MOST_SECONDS)


async def test_server_that_is_behind_tells_late(autojump_clock: MockClock) -> None:
    """A list of any version is as old as the events; one of the newest is not."""
    async with following() as (plane, cluster):
        plane.server.set_lag(20.0)
        plane.create_pod("default", "second", node="one")
        await trio.sleep(19)
        assert names(cluster) == {"first"}
        asking = client(plane.server, "admin")
        old = await asking.get(PODS, {"resourceVersion": "0"})
        assert b'"second"' not in old
        assert b'"second"' in await asking.get(PODS)
        await until(lambda: names(cluster) == {"first", "second"}, 2)
        await asking.aclose()


@pytest.mark.matrix(fast=1)
@pytest.mark.parametrize("is_silent", [False, True])
async def test_restored_server_is_followed_from_its_backup(
    autojump_clock: MockClock, is_silent: bool
) -> None:
    """Its versions go back; nothing else says that a watch passes over what is new."""
    async with following() as (plane, cluster):
        backup = plane.server.store.backup()
        for n in range(20):
            plane.create_pod("default", f"lost{n}", node="one")
        await trio.sleep(100)
        plane.server.restore(backup)
        await trio.sleep(60)
        plane.server.start()
        plane.create_pod("default", "second", node="one")
        if is_silent:
            plane.server.hold()
            await trio.sleep(300)
            plane.server.go_on()
        await until(lambda: names(cluster) == {"first", "second"}, MOST_SECONDS)


@pytest.mark.slow
async def test_restart_of_the_server_brings_no_herd_of_lists(
    autojump_clock: MockClock,
) -> None:
    """Each of forty nodes compares versions; their lists are spread."""
    server, nodes = ApiServer(random=Random(1)), 40
    server.notes = True
    plane = ControlPlane(server)
    lists = list[float]()
    async with trio.open_nursery() as nursery:
        with log.collected():
            for n in range(nodes):
                plane.add_node(f"n{n}", address="10.0.0.1")
                cluster = cluster_of(server, settings(), node=f"n{n}", random=Random(n))
                await nursery.start(cluster.run)
            await trio.sleep(1000)
            server.asked.clear()
            await trio.sleep(3600)
            assert not any(map(is_list, server.asked))
            with server.away():
                await trio.sleep(1)
            for _ in range(75):
                server.asked.clear()
                await trio.sleep(60)
                lists.append(sum(map(is_list, server.asked)))
                compared = sum(map(is_comparison, server.asked))
                assert compared <= 3 * nodes
        nursery.cancel_scope.cancel()
    assert max(lists) < 3 * nodes / 15
    assert sum(lists) == 3 * nodes


def is_comparison(request: Request) -> bool:
    return "resourceVersionMatch" in request.query


def is_list(request: Request) -> bool:
    whole = not {"watch", "resourceVersionMatch"} & {*request.query}
    return whole and request.path in (PODS, "/api/v1/namespaces", "/api/v1/nodes")


async def test_held_server_goes_on(autojump_clock: MockClock) -> None:
    async with following() as (plane, cluster):
        plane.server.hold()
        plane.create_pod("default", "second", node="one")
        await trio.sleep(60)
        assert names(cluster) == {"first"}
        plane.server.go_on()
        await until(lambda: names(cluster) == {"first", "second"}, 2)


async def test_node_that_is_cut_off_alone_comes_back(
    autojump_clock: MockClock,
) -> None:
    async with following() as (plane, cluster):
        await trio.sleep(100)
        asked = len(plane.server.watches())
        plane.server.cut(Cut.RESET, node="another")
        await trio.sleep(0.5)
        assert len(plane.server.watches()) == asked
        plane.server.cut(Cut.RESET, node="one")
        await trio.sleep(0.0)
        plane.create_pod("default", "second", node="one")
        await until(lambda: names(cluster) == {"first", "second"}, MOST_SECONDS)


async def test_events_are_kept_for_an_hour(autojump_clock: MockClock) -> None:
    server = ApiServer(random=Random(1))
    path = "/api/v1/namespaces/default/events"
    for name, pause in (("old", 1800), ("newer", 1900), ("new", 0)):
        server.make(path, {"metadata": {"name": name}})
        await trio.sleep(pause)
    there = {x.body["metadata"]["name"] for x in server.objects(EVENTS)}
    assert there == {"newer", "new"}


async def test_lost_answer_has_its_effect(autojump_clock: MockClock) -> None:
    server = ApiServer(random=Random(1))
    asking = client(server, "admin")
    server.faults.lost = 1.0
    with pytest.raises(KubeError, match="no answer"):
        await asking.request("POST", "/api/v1/nodes", body={"metadata": {"name": "a"}})
    server.faults.lost = 0.0
    assert b'"a"' in await asking.get("/api/v1/nodes/a")
    await asking.aclose()


@pytest.mark.matrix(fast=2)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v1/namespaces/kube-system/configmaps/other", None),
        ("PATCH", "/api/v1/nodes/two", {"spec": {"taints": []}}),
        ("DELETE", "/api/v1/nodes/one", None),
        ("POST", "/api/v1/nodes", {"metadata": {"name": "three"}}),
        ("PATCH", f"{PODS.replace('pods', 'namespaces')}/default", {}),
    ],
)
async def test_node_has_no_right_to_what_is_not_its_own(
    autojump_clock: MockClock, method: str, path: str, body: object
) -> None:
    server = ApiServer(random=Random(1))
    plane = ControlPlane(server)
    for name in ("one", "two"):
        plane.add_node(name, address="10.0.0.1")
    asking = client(server, "vcnd", "one")
    kind = "application/merge-patch+json"
    with pytest.raises(KubeError) as caught:
        await asking.request(method, path, body=body, content_type=kind)
    assert caught.value.status == 403
    await asking.aclose()
