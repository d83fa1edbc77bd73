"""Events on flawed policies: what they say, and which nodes post them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from tests.doubles.apiserver import MemoryApiServer
from vcnd.kube.events import MOST_MESSAGE
from vcnd.kube.policy.events import (
    CHOSEN,
    CLUSTER_POLICY,
    LOOK_SECONDS,
    MOST_NAMED,
    MOST_POSTS,
    NETWORK_POLICY,
    POST_AGAIN_SECONDS,
    event,
    misread,
    posts,
    unreadable,
)
from vcnd.kube.policy.parts import Flaw
from vcnd.kube.policy.policies import ReadPolicy
from vcnd.kube.policy.source import (
    NAMESPACES,
    NETWORK_POLICIES,
    PODS,
    PolicySource,
)
from vcnd.kubeapi.cache import Skipped
from vcnd.log import log
from vcnd.model.policy import Pods, Policy, PolicyRef, Tier

FLAW = Flaw("spec.ingress[0]", "no")
NODES = [f"node{n}" for n in range(20)]


def read(*flaws: Flaw, namespace: str = "blue", name: str = "p") -> ReadPolicy:
    ref = PolicyRef(Tier.NAMESPACE if namespace else Tier.ADMIN, namespace, name)
    return ReadPolicy(Policy(ref=ref, subject=Pods()), flaws)


def test_an_event_is_about_the_policy_itself() -> None:
    flawed = misread(NETWORK_POLICY, "u", read(FLAW))
    path, body = event(flawed, node="one", now=0)
    assert path == "/api/v1/namespaces/blue/events"
    assert body["involvedObject"] == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "namespace": "blue",
        "name": "p",
        "uid": "u",
    }
    assert body["message"].endswith(": spec.ingress[0]: no")
    assert body["source"] == {"component": "vcnd-policy", "host": "one"}


def test_an_event_of_a_cluster_policy_is_in_the_default_namespace() -> None:
    flawed = misread(CLUSTER_POLICY, "u", read(FLAW, namespace=""))
    path, body = event(flawed, node="one", now=0)
    assert path == "/api/v1/namespaces/default/events"
    assert "namespace" not in body["involvedObject"]


def test_all_nodes_name_an_event_alike() -> None:
    flawed = misread(NETWORK_POLICY, "u", read(FLAW))
    names = {
        event(flawed, node=node, now=now)[1]["metadata"]["name"]
        for now, node in enumerate(NODES)
    }
    assert len(names) == 1
    other = misread(NETWORK_POLICY, "u", read(FLAW, FLAW))
    assert event(other, node="one", now=0)[1]["metadata"]["name"] not in names


@given(st.lists(st.text(max_size=300), max_size=40), st.text("a.-", max_size=253))
def test_any_flaws_make_an_event_within_bounds(whys: list[str], name: str) -> None:
    flaws = [Flaw("spec", why) for why in whys]
    flawed = misread(NETWORK_POLICY, "u", read(*flaws, name=name))
    _, body = event(flawed, node="one", now=0)
    assert len(body["message"]) <= MOST_MESSAGE
    assert len(body["metadata"]["name"]) <= 253


def test_only_some_of_many_flaws_are_named() -> None:
    flawed = misread(NETWORK_POLICY, "u", read(*[FLAW] * (MOST_NAMED + 2)))
    assert flawed.what.endswith("; 2 more")


@pytest.mark.parametrize(
    ("uid", "name"),
    [("", "blue/p"), ("u", "without a name"), ("u", "../p"), ("u", "blue/"), ("u", "")],
)
def test_what_has_no_name_gets_no_event(uid: str, name: str) -> None:
    assert unreadable(NETWORK_POLICY, uid, Skipped(name, "no")) is None


def test_an_object_that_cannot_be_read_gets_an_event() -> None:
    found = unreadable(NETWORK_POLICY, "u", Skipped("blue/p", "Expected `int`"))
    assert found is not None
    assert (found.namespace, found.name) == ("blue", "p")
    assert "Expected `int`" in found.what
    assert "isolates all pods" in found.what
    assert unreadable(CLUSTER_POLICY, "u", Skipped("p", "no")) is not None


@given(st.sets(st.sampled_from(NODES), min_size=1), st.text(max_size=5))
def test_few_nodes_post_and_always_one(nodes: set[str], uid: str) -> None:
    flawed = misread(NETWORK_POLICY, uid, read(FLAW))
    chosen = [node for node in NODES if node in nodes and posts(flawed, node, nodes)]
    assert len(chosen) == min(CHOSEN, len(nodes))


def test_different_policies_are_posted_by_different_nodes() -> None:
    chosen = {
        node
        for uid in range(50)
        for node in NODES
        if posts(misread(NETWORK_POLICY, str(uid), read(FLAW)), node, NODES)
    }
    assert len(chosen) > len(NODES) / 2


def flawed_object(number: int, **spec: Any) -> dict[str, Any]:
    peers = [{"from": [{"ipBlock": {"cidr": "10.0.0.0/99"}}]}]
    return {
        "metadata": {"namespace": "default", "name": f"p{number}", "uid": f"u{number}"},
        "spec": {"podSelector": {}, "ingress": peers, **spec},
    }


@asynccontextmanager
async def followed(folder: Path, *items: Any) -> AsyncIterator[MemoryApiServer]:
    api = MemoryApiServer()
    api.items = {PODS: [], NAMESPACES: [], NETWORK_POLICIES: [*items]}
    source = PolicySource(
        api.client(folder), random=Random(1), node="one", wall_clock=lambda: 0.0
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(source.run)
        yield api
        nursery.cancel_scope.cancel()


def posted(api: MemoryApiServer) -> list[httpx2.Request]:
    return [r for r in api.asked if r.method == "POST"]


@pytest.mark.slow
async def test_a_flaw_is_posted_once_until_kubernetes_drops_it(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    broken = flawed_object(2, podSelector=7)
    async with followed(tmp_path, flawed_object(1), broken) as api:
        await trio.sleep(10 * LOOK_SECONDS)
        names = [json.loads(r.content)["involvedObject"]["name"] for r in posted(api)]
        assert names == ["p1", "p2"]
        await trio.sleep(POST_AGAIN_SECONDS)
        assert len(posted(api)) == 4


async def refused(folder: Path, status: int) -> tuple[int, set[str]]:
    """Let the first post of an Event be refused; return how many posts there are, and
    the names of the log's events.
    """
    with log.collected() as events:
        async with followed(folder, flawed_object(1)) as api:
            api.refusals = [status]
            await trio.sleep(10 * LOOK_SECONDS)
            count = len(posted(api))
    return count, {e["event"] for e in events}


async def test_an_event_that_is_there_is_posted(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    count, events = await refused(tmp_path, 409)
    assert count == 1
    assert events <= {"policy_flawed"}


async def test_an_event_that_could_not_be_posted_is_posted_later(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    count, events = await refused(tmp_path, 503)
    assert count == 2
    assert "cluster_write_failed" in events


async def test_an_event_that_is_refused_for_good_is_logged(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    count, events = await refused(tmp_path, 403)
    assert count == 1
    assert "event_refused" in events


async def test_many_flaws_are_posted_by_and_by(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    items = [flawed_object(n) for n in range(MOST_POSTS + 5)]
    async with followed(tmp_path, *items) as api:
        await trio.sleep(1.5 * LOOK_SECONDS)
        assert len(posted(api)) == MOST_POSTS
        await trio.sleep(LOOK_SECONDS)
        assert len(posted(api)) == len(items)
