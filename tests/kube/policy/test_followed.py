"""What is followed of a cluster for policies, from an API server in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import trio

from tests.doubles.apiserver import MemoryApiServer
from tests.kubeapi.test_cache import line
from tests.kubeapi.test_reflector import GONE
from vcnd.kube.policy.source import (
    CLUSTER_POLICIES,
    NAMESPACES,
    NETWORK_POLICIES,
    PODS,
    PolicySource,
)
from vcnd.log import log
from vcnd.model.policy import Cluster, PolicyRef, Tier

Clock = trio.testing.MockClock
Body = dict[str, Any]


def meta(name: str, namespace: str = "", uid: str = "", **more: Any) -> Body:
    uid = uid or f"uid-{name}"
    return {"name": name, "namespace": namespace, "uid": uid, **more}


def pod(name: str, address: str = "", uid: str = "", **labels: str) -> Body:
    return {
        "metadata": meta(name, "blue", uid, labels=labels),
        "spec": {"nodeName": "one"},
        "status": {"podIPs": [{"ip": address}] if address else None},
    }


def policy(name: str, uid: str = "", **spec: Any) -> Body:
    return {"metadata": meta(name, "blue", uid), "spec": {"podSelector": {}, **spec}}


def serving() -> MemoryApiServer:
    server = MemoryApiServer()
    server.items[NAMESPACES] = [{"metadata": meta("blue", labels={"team": "a"})}]
    server.items[PODS] = [pod("a", "10.0.0.1"), pod("b", "10.0.0.2")]
    return server


@asynccontextmanager
async def following(
    server: MemoryApiServer, folder: Path
) -> AsyncIterator[Callable[[], Awaitable[Cluster]]]:
    """Follow; yield what returns the cluster, after a second."""
    source = PolicySource(server.client(folder), random=Random(1))

    async def known() -> Cluster:
        await trio.sleep(1)
        found = source.cluster({})
        assert found is not None
        return found

    async with trio.open_nursery() as nursery:
        await nursery.start(source.run)
        yield known
        nursery.cancel_scope.cancel()


def names(cluster: Cluster) -> set[str]:
    return {found.name for found in cluster.pods}


async def test_what_does_not_change_stays_the_same_value(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    """The compiler looks at nothing else again."""
    server = serving()
    bad = {**policy("bad"), "spec": {"podSelector": 5}}
    server.items[NETWORK_POLICIES] = [policy("p"), bad]
    server.lines[PODS] = [line("ADDED", pod("c", "10.0.0.3"))]
    async with following(server, tmp_path) as known:
        before, after = await known(), await known()
    assert names(after) == {"a", "b", "c"}
    assert {*map(id, before.pods)} == {*map(id, after.pods)}
    assert {*map(id, before.policies)} == {*map(id, after.policies)}
    assert len(after.policies) == 2


async def test_a_policy_that_never_could_be_read_isolates_its_namespace(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    server = serving()
    server.items[NETWORK_POLICIES] = [{**policy("bad"), "spec": 5}]
    async with following(server, tmp_path) as known:
        (found,) = (await known()).policies
    assert found.ref == PolicyRef(Tier.NAMESPACE, "blue", "bad")
    assert (found.subject.namespace, found.ingress, found.egress) == ("blue", (), ())


async def test_a_cluster_policy_that_never_could_be_read_is_named_alone(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    """It may be about any pod, and may accept or deny: nothing is guessed."""
    server = serving()
    server.items[CLUSTER_POLICIES] = [{"metadata": meta("bad"), "spec": {"tier": 5}}]
    with log.collected() as events:
        async with following(server, tmp_path) as known:
            assert (await known()).policies == ()
    told = [e for e in events if e["event"] == "cluster_object_skipped"]
    assert [(e["kind"], e["name"]) for e in told] == [("ClusterNetworkPolicy", "bad")]


async def test_a_policy_that_could_be_read_once_stays_as_it_was(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    server = serving()
    spec = {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}}}
    good = {"metadata": meta("cnp"), "spec": spec}
    server.items[CLUSTER_POLICIES] = [good]
    server.items[NETWORK_POLICIES] = [policy("p")]
    server.lines[CLUSTER_POLICIES] = [line("MODIFIED", {**good, "spec": 5})]
    server.lines[NETWORK_POLICIES] = [line("MODIFIED", {**policy("p"), "spec": 5})]
    async with following(server, tmp_path) as known:
        found = (await known()).policies
    assert [p.ref.name for p in found] == ["p", "cnp"]
    assert found[0].egress is None


async def test_a_policy_deleted_and_made_again_has_its_new_rules(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    """Both events come in one step, and the uid alone tells them apart."""
    server = serving()
    server.items[NETWORK_POLICIES] = [policy("p", "first")]
    again = policy("p", "second", policyTypes=["Egress"])
    server.lines[NETWORK_POLICIES] = [
        line("DELETED", policy("p", "first")),
        line("ADDED", again),
    ]
    async with following(server, tmp_path) as known:
        (found,) = (await known()).policies
    assert (found.ingress, found.egress) == (None, ())


async def test_a_pod_made_again_under_its_name_is_another_one(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    server = serving()
    server.lines[PODS] = [
        line("DELETED", pod("a", "10.0.0.1")),
        line("ADDED", pod("a", "10.0.0.9", "again", role="new")),
    ]
    async with following(server, tmp_path) as known:
        (found,) = (p for p in (await known()).pods if p.name == "a")
    assert (found.uid, found.addresses) == ("again", ("10.0.0.9",))
    assert found.labels == {"role": "new"}


async def test_a_compaction_leaves_what_a_new_list_has(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    """What was deleted while the watch was away is gone, and comes in one step."""
    server = serving()
    server.items[NETWORK_POLICIES] = [policy("gone"), policy("stays")]
    async with following(server, tmp_path) as known:
        assert names(await known()) == {"a", "b"}
        server.items[PODS] = [pod("b", "10.0.0.2"), pod("d", "10.0.0.1")]
        server.items[NETWORK_POLICIES] = [policy("stays")]
        # The watches are silent, and end; those after them are told to list again.
        server.lines[PODS] = server.lines[NETWORK_POLICIES] = [GONE]
        await trio.sleep(200)
        after = await known()
    assert names(after) == {"b", "d"}
    assert [p.ref.name for p in after.policies] == ["stays"]


async def test_a_namespace_deleted_before_its_pods_has_no_labels(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    server = serving()
    (namespace,) = server.items[NAMESPACES]
    server.lines[NAMESPACES] = [line("DELETED", namespace)]
    async with following(server, tmp_path) as known:
        found = await known()
    assert (found.namespaces, names(found)) == ({}, {"a", "b"})
