"""What is written again, and what is not."""

from pathlib import Path

import pytest
import trio

from tests.doubles.apiserver import MemoryApiServer
from tests.kube.test_cluster import NODES, following, node
from tests.kubeapi.test_cache import line
from vcnd.model.report import NodeReport


@pytest.fixture
def server() -> MemoryApiServer:
    made = MemoryApiServer()
    up = {"type": "NetworkUnavailable", "status": "False"}
    made.items = {NODES: [node("6", conditions=[up])]}
    made.ends_after = 10.0
    return made


async def test_condition_that_was_removed_is_written_again(
    autojump_clock: trio.abc.Clock, tmp_path: Path, server: MemoryApiServer
) -> None:
    """Although the report is the same as before."""
    report = NodeReport(state="SUCCESS", reason="COMPLETED")
    async with following(server, tmp_path) as cluster:
        await trio.sleep(1)
        await cluster.publish(report)
        await cluster.publish(report)
        assert [r for r in server.asked if r.method == "PATCH"] == []
        server.lines[NODES] = [line("MODIFIED", node("7"))]
        await trio.sleep(30)
        await cluster.publish(report)
    (patched,) = [r for r in server.asked if r.method == "PATCH"]
    assert b"NetworkUnavailable" in patched.content
