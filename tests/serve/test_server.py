"""The server on a real Unix socket, with verbs that record their calls."""

import array
import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import pytest
import trio

from tests.calling import ADD, STATUS, Verbs, exchange, request, serving
from vcnd.log import log
from vcnd.model.cause import Cause
from vcnd.model.errors import PoolEmptyError
from vcnd.model.status import NodeStatus
from vcnd.serve.cni_request import REQUEST_SECONDS
from vcnd.serve.server import MOST_AT_ONCE


async def test_add(tmp_path: Path) -> None:
    verbs = Verbs()
    async with serving(verbs, tmp_path / "s"):
        code, answer = await exchange(tmp_path / "s", request(ADD))
        assert code == 0
        assert answer["ips"][0]["address"] == "10.1.0.5/32"
        delete = {**ADD, "CNI_COMMAND": "DEL", "CNI_NETNS": ""}
        assert await exchange(tmp_path / "s", request(delete), descriptors=0) == (
            0,
            None,
        )


@pytest.mark.parametrize(
    ("data", "descriptors", "error_code"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 0, 6, id="http"),
        pytest.param(b"x" * 200, 0, 6, id="no-line"),
        pytest.param(b"vcnd 1 99 99999999\n", 0, 6, id="oversized"),
        pytest.param(request(ADD, b"{not json"), 1, 6, id="no-json"),
        pytest.param(request(ADD, b"[]"), 1, 6, id="no-object"),
        pytest.param(request({**ADD, "CNI_COMMAND": "FLY"}), 1, 4, id="unknown-verb"),
        pytest.param(
            request(ADD, b'{"cniVersion":"7.0.0","name":"vcnd"}'), 1, 1, id="version"
        ),
        pytest.param(request(ADD), 0, 8, id="no-namespace"),
        pytest.param(request(ADD), 2, 8, id="two-namespaces"),
        pytest.param(request(ADD), 40, 6, id="too-many-descriptors"),
        pytest.param(request({**ADD, "CNI_COMMAND": "STATUS"}), 0, 50, id="status"),
        pytest.param(
            request(
                {"CNI_COMMAND": "GC"},
                b'{"cniVersion":"1.1.0","name":"vcnd","cni.dev/valid-attachments":[]}',
            ),
            0,
            999,
            id="defect",
        ),
    ],
)
async def test_bad_calls_are_answered_and_the_daemon_lives(
    tmp_path: Path, data: bytes, descriptors: int, error_code: int
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    async with serving(Verbs(), tmp_path / "s"):
        code, answer = await exchange(tmp_path / "s", data, descriptors=descriptors)
        assert code == 1
        assert answer["code"] == error_code
        assert {"cniVersion", "code", "msg"} <= answer.keys()
        assert (await exchange(tmp_path / "s", request(ADD)))[0] == 0
    await trio.testing.wait_all_tasks_blocked()
    assert len(os.listdir("/proc/self/fd")) <= before


async def test_half_a_request_is_dropped(tmp_path: Path) -> None:
    async with serving(Verbs(), tmp_path / "s"):
        data = request(ADD)
        for cut in (1, 10, len(data) - 1):
            answer = await exchange(tmp_path / "s", data[:cut], half=True)
            assert answer == (-1, None)
        assert (await exchange(tmp_path / "s", data))[0] == 0


async def test_failure_is_answered_with_code_and_details(tmp_path: Path) -> None:
    verbs = Verbs()
    verbs.failure = PoolEmptyError(
        "no free VCN address", details="subnet full", cause=Cause.SUBNET_FULL
    )
    with log.collected() as logged:
        async with serving(verbs, tmp_path / "s"):
            code, answer = await exchange(tmp_path / "s", request(ADD))
    assert code == 1
    assert (answer["code"], answer["details"]) == (11, "subnet full")
    (refused,) = [x for x in logged if x["event"] == "call_refused"]
    assert (refused["code"], refused["cause"]) == (11, "subnet_full")


async def test_defect_is_answered_without_internals(tmp_path: Path) -> None:
    verbs = Verbs()
    verbs.failure = RuntimeError("secret")
    async with serving(verbs, tmp_path / "s"):
        code, answer = await exchange(tmp_path / "s", request(ADD))
    assert (code, answer["code"]) == (1, 999)
    assert "secret" not in json.dumps(answer)


async def test_other_users_are_refused() -> None:
    """The peer's credentials must be root's or those of the daemon's own user."""
    path = f"\0vcnd-test-{os.getpid()}"  # abstract: no file mode protects it
    async with serving(Verbs(), path, allowed_uid=12345):
        with as_nobody():
            code, answer = await exchange(path, request(ADD))
    assert (code, answer["code"]) == (1, 6)
    assert "may not call" in answer["msg"]


@contextmanager
def as_nobody() -> Iterator[None]:
    """Connect as an ordinary user; the tests may run as one already."""
    if os.getuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.slow
async def test_idle_connections_are_let_go(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """A peer without a whole request holds its descriptors only for a short time."""
    before = len(os.listdir("/proc/self/fd"))
    async with serving(Verbs(), tmp_path / "s"):
        with ExitStack() as clients:
            for number in range(300):
                client = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                await clients.enter_context(client).connect(str(tmp_path / "s"))
                if number % 2:
                    fds = array.array("i", [0]).tobytes()
                    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)]
                    await client.sendmsg([b"vcnd 1 9"], rights)
            await trio.sleep(REQUEST_SECONDS + 1)
            assert (await exchange(tmp_path / "s", request(ADD)))[0] == 0
            assert len(os.listdir("/proc/self/fd")) < before + 310
    await trio.testing.wait_all_tasks_blocked()
    assert len(os.listdir("/proc/self/fd")) <= before


async def test_vcndctls_verbs(tmp_path: Path) -> None:
    async with serving(Verbs(), tmp_path / "s"):
        code, answer = await exchange(
            tmp_path / "s", request({"CNI_COMMAND": "VCND_STATUS"}, b""), descriptors=0
        )
    assert (code, msgspec.convert(answer, NodeStatus)) == (0, STATUS)


async def test_more_callers_than_are_accepted_at_once_are_answered(
    tmp_path: Path,
) -> None:
    codes: list[int] = []

    async def ask() -> None:
        code, _ = await exchange(tmp_path / "s", request(ADD))
        codes.append(code)

    async with serving(Verbs(), tmp_path / "s"), trio.open_nursery() as callers:
        for _ in range(2 * MOST_AT_ONCE + 1):
            callers.start_soon(ask)
    assert codes == [0] * (2 * MOST_AT_ONCE + 1)
