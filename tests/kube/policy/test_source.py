"""Kinds of objects that the cluster does not know, or may not tell, and learns."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest
import trio
from trio.testing import MockClock

from tests.doubles.apiserver import MemoryApiServer
from tests.doubles.server import Pieces, Reply
from vcnd.kube.early import ANNOTATION
from vcnd.kube.policy.parts import MOST_TOLD
from vcnd.kube.policy.source import (
    CLUSTER_POLICIES,
    LOOK_AGAIN_SECONDS,
    MOST_LOGGED,
    NETWORK_POLICIES,
    NODES,
    PODS,
    PolicySource,
)
from vcnd.log import log

DENY: dict[str, Any] = {
    "metadata": {"name": "deny", "uid": "1"},
    "spec": {
        "tier": "Admin",
        "priority": 1,
        "subject": {"namespaces": {}},
        "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}],
    },
}


class Server(MemoryApiServer):
    """Knows ClusterNetworkPolicy, and shows Nodes, while a test wants it."""

    def __init__(self, *, knows: bool = True) -> None:
        super().__init__()
        self.knows, self.ends_after = knows, 20.0
        self.shows_nodes = True
        self.items[CLUSTER_POLICIES] = [DENY]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == CLUSTER_POLICIES and not self.knows:
            self.asked.append(request)
            return httpx2.Response(404, stream=Pieces(Reply(body=b"404")))
        if request.url.path == NODES and not self.shows_nodes:
            return httpx2.Response(403, stream=Pieces(Reply(body=b"403")))
        return await super().handle_async_request(request)


async def until(holds: Callable[[], bool]) -> None:
    with trio.fail_after(10 * LOOK_AGAIN_SECONDS):
        while not holds():
            await trio.sleep(1)


def policies(source: PolicySource) -> int | None:
    """Return the number of policies that are in force; None before all is known."""
    found = source.cluster({})
    return None if found is None else len(found.policies)


async def test_cluster_policies_are_followed_once_the_kind_is_known(
    autojump_clock: MockClock, nursery: trio.Nursery, tmp_path: Path
) -> None:
    server = Server(knows=False)
    source = PolicySource(server.client(tmp_path), random=Random(1))
    await nursery.start(source.run)
    await until(lambda: policies(source) == 0)
    server.knows = True
    await until(lambda: policies(source) == 1)


async def test_cluster_policies_go_with_their_kind(
    autojump_clock: MockClock, nursery: trio.Nursery, tmp_path: Path
) -> None:
    """The watch may miss that the objects are deleted before their definition."""
    server = Server(knows=True)
    source = PolicySource(server.client(tmp_path), random=Random(1))
    await nursery.start(source.run)
    await until(lambda: policies(source) == 1)
    server.knows = False
    await until(lambda: policies(source) == 0)
    # From now on it is asked for the kind alone, and rarely.
    server.asked.clear()
    await trio.sleep(10 * LOOK_AGAIN_SECONDS)
    asked = [r for r in server.asked if r.url.path == CLUSTER_POLICIES]
    assert len(asked) <= 11
    assert source.report().synced
    server.knows = True
    await until(lambda: policies(source) == 1)


def bound(name: str, *addresses: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": name},
        "spec": {"nodeName": "n1"},
        "status": {"podIPs": [{"ip": a} for a in addresses]},
    }


def telling(value: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "n1", "uid": "n1", "annotations": {ANNOTATION: value}},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]},
    }


def addresses(source: PolicySource) -> dict[str, tuple[str, ...]] | None:
    found = source.cluster({})
    return None if found is None else {p.name: p.addresses for p in found.pods}


async def test_rules_go_on_while_nodes_are_not_known(
    autojump_clock: MockClock, nursery: trio.Nursery, tmp_path: Path
) -> None:
    server = Server()
    server.shows_nodes = False
    server.items[PODS] = [bound("a", "10.0.0.1"), bound("b")]
    server.items[NODES] = [telling('{"b": ["10.0.0.2"]}')]
    source = PolicySource(server.client(tmp_path), random=Random(1))
    await nursery.start(source.run)
    await until(lambda: addresses(source) == {"a": ("10.0.0.1",)})
    await until(lambda: bool(source.report().awaited[0].reason))
    assert source.report().synced
    assert [x.kind for x in source.report().awaited] == [NODES]
    server.shows_nodes = True
    early = {"a": ("10.0.0.1",), "b": ("10.0.0.2",)}
    await until(lambda: addresses(source) == early)
    assert source.report().awaited == ()
    found = source.cluster({})
    assert found
    assert found.nodes == {"n1": ("192.0.2.1",)}


async def test_malformed_word_of_a_node_is_logged_once(
    autojump_clock: MockClock, nursery: trio.Nursery, tmp_path: Path
) -> None:
    server = Server()
    server.items[PODS] = [bound("a", "10.0.0.1"), bound("b")]
    server.items[NODES] = [telling("{")]
    source = PolicySource(server.client(tmp_path), random=Random(1))
    with log.collected() as events:
        await nursery.start(source.run)
        await trio.sleep(600)
    assert addresses(source) == {"a": ("10.0.0.1",)}
    named = [e for e in events if e["event"] == "early_addresses_malformed"]
    assert [e["node"] for e in named] == ["n1"]


async def test_pod_that_stays_equal_stays_the_same_object(
    autojump_clock: MockClock, nursery: trio.Nursery, tmp_path: Path
) -> None:
    """The compiler of rules looks at that; a pod that is being deleted is no other."""
    server = Server()
    server.items[PODS] = [bound("a", "10.0.0.1")]
    source = PolicySource(server.client(tmp_path), random=Random(1))
    await nursery.start(source.run)
    await until(lambda: bool(addresses(source)))
    before = source.cluster({})
    going = bound("a", "10.0.0.1")
    going["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"
    server.lines[PODS] = [json.dumps({"type": "MODIFIED", "object": going})]
    await until(lambda: PODS not in server.lines)
    await trio.sleep(1)
    after = source.cluster({})
    assert before
    assert after
    assert after.pods[0] is before.pods[0]


@pytest.mark.parametrize(
    ("cidr", "events"),
    [
        ("10.0.0.0/99", ["policy_flawed"] * MOST_LOGGED + ["policy_flawed_more"]),
        ("10.0.0.1/24", ["policy_read_otherwise"]),
    ],
)
async def test_a_policy_with_many_flaws_fills_no_log(
    autojump_clock: MockClock, tmp_path: Path, cidr: str, events: list[str]
) -> None:
    peers = [{"ipBlock": {"cidr": cidr}}] * 1000
    meta = {"namespace": "default", "name": "long", "uid": "9"}
    server = Server()
    spec = {"podSelector": {}, "ingress": [{"from": peers}]}
    server.items[NETWORK_POLICIES] = [{"metadata": meta, "spec": spec}]
    source = PolicySource(server.client(tmp_path), random=Random(1))
    with log.collected() as told:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(source.run)
            await until(lambda: policies(source) == 2)
            (flawed,) = source.report().flawed
            nursery.cancel_scope.cancel()
    assert [e["event"] for e in told if e["event"].startswith("policy_")] == events
    assert {e["number"] for e in told if "number" in e} == {1000}
    assert len(flawed.flaws) == MOST_TOLD + 1
    assert flawed.flaws[-1] == f"{1000 - MOST_TOLD} more"
