"""Kinds of objects that the cluster does not know, and learns."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import trio
from trio.testing import MockClock

from tests.doubles.apiserver import MemoryApiServer
from tests.doubles.server import Pieces, Reply
from vcnd.kube.policy_source import (
    CLUSTER_POLICIES,
    LOOK_AGAIN_SECONDS,
    PolicySource,
)

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
    """Knows ClusterNetworkPolicy while a test wants it."""

    def __init__(self, *, knows: bool) -> None:
        super().__init__()
        self.knows, self.ends_after = knows, 20.0
        self.items[CLUSTER_POLICIES] = [DENY]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == CLUSTER_POLICIES and not self.knows:
            self.asked.append(request)
            return httpx2.Response(404, stream=Pieces(Reply(body=b"404")))
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
