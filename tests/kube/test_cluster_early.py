"""What the Node tells of pods early: which pods, how it is written, who hears it."""

import json
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.doubles.apiserver import MemoryApiServer
from tests.kube.test_cluster import NAMESPACES, NODES, PODS, following, namespace, node
from tests.kube.test_cluster import pod_of as pod
from tests.kubeapi.test_cache import line
from vcnd.kube.early import ANNOTATION
from vcnd.kube.trim import MIRROR, STATIC_UID
from vcnd.model.errors import ClusterError

Clock = trio.testing.MockClock
TOLD = {"a": ("10.0.0.1", "fd00::1")}


@pytest.fixture
def server() -> MemoryApiServer:
    made = MemoryApiServer()
    made.items = {NAMESPACES: [namespace("shop", "3")], NODES: [node("6")]}
    return made


@pytest.mark.parametrize(
    ("found", "early", "awaited"),
    [
        (pod("shop", "5"), True, True),
        (pod("shop", "5", status={"phase": "Running"}), True, True),
        (pod("shop", "5", status={"podIP": "10.0.0.1"}), True, False),
        (pod("shop", "5"), False, False),
        # A mirror: the runtime knows the static pod by another uid.
        (
            pod(
                "shop",
                "5",
                metadata={"annotations": {STATIC_UID: "f00", MIRROR: "f00"}},
            ),
            True,
            False,
        ),
    ],
)
async def test_pod_is_awaited_until_its_status_tells_an_address(
    autojump_clock: Clock,
    server: MemoryApiServer,
    tmp_path: Path,
    found: Any,
    early: bool,
    awaited: bool,
) -> None:
    server.items[PODS] = [found]
    async with following(server, tmp_path, early=early) as cluster:
        await trio.sleep(1)
        assert [p.awaited for p in cluster.pods() or []] == [awaited]


async def test_own_word_of_the_node_wakes_no_task(
    autojump_clock: Clock, server: MemoryApiServer, tmp_path: Path
) -> None:
    told = node("11")
    told["metadata"]["annotations"] = {ANNOTATION: "{}"}
    server.ends_after = 30.0
    async with following(server, tmp_path, early=True) as cluster:
        await trio.sleep(1)
        with trio.move_on_after(1):
            await cluster.until_changed()
        server.lines[NODES] = [line("MODIFIED", told)]
        with trio.move_on_after(60) as waiting:
            await cluster.until_changed()
        assert waiting.cancelled_caught
        assert NODES not in server.lines


async def test_addresses_are_written_in_one_patch_of_the_annotation(
    autojump_clock: Clock, server: MemoryApiServer, tmp_path: Path
) -> None:
    async with following(server, tmp_path) as cluster:
        await trio.sleep(1)
        await cluster.tell_early(TOLD)
        await cluster.tell_early({})
        patches = [r for r in server.asked if r.method == "PATCH"]
        assert [r.url.path for r in patches] == [f"{NODES}/one"] * 2
        written = [json.loads(r.content)["metadata"]["annotations"] for r in patches]
        assert written == [
            {ANNOTATION: '{"a":["10.0.0.1","fd00::1"]}'},
            {ANNOTATION: None},
        ]


async def test_refused_write_is_an_error(
    autojump_clock: Clock, server: MemoryApiServer, tmp_path: Path
) -> None:
    """Also where the Node is not there, or others were quicker: it is tried again."""
    async with following(server, tmp_path) as cluster:
        for status in (403, 404, 409, 500):
            server.refusals = [status]
            with pytest.raises(ClusterError):
                await cluster.tell_early(TOLD)


@pytest.mark.parametrize(
    ("value", "expected"), [('{"a":["10.0.0.1","fd00::1"]}', TOLD), ("x", {}), ("", {})]
)
async def test_nodes_word_is_read_at_the_start(
    autojump_clock: Clock,
    server: MemoryApiServer,
    tmp_path: Path,
    value: str,
    expected: Any,
) -> None:
    async with following(server, tmp_path) as cluster:
        await trio.sleep(1)
        there = node("7")
        there["metadata"]["annotations"] = {ANNOTATION: value}
        server.list_text = json.dumps(there)
        assert await cluster.early_addresses() == expected
