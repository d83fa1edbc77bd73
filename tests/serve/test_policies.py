"""The daemon asks the policy process, whatever that answers."""

import json
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
import trio
from trio.testing import MockClock

from vcnd.model.cause import Cause
from vcnd.model.sandbox import HostLink, Lease, PodRef, SandboxKey
from vcnd.serve.policies import ADMIT, GATE, PolicySocket

LEASE = Lease(
    key=SandboxKey("vcnd", "container1", "eth0"),
    addresses=("10.0.0.9", "fd00::9"),
    wiring=HostLink(ifname="oci1", netns_cookie=7),
    pod=PodRef(namespace="default", name="web", uid="u1"),
)
PATIENCE = 0.3
LIVES_SECONDS = 100.0
Answering = Callable[[trio.SocketStream], Awaitable[None]]


def serving(nursery: trio.Nursery, path: Path, answering: Answering) -> PolicySocket:
    """Serve calls on a socket; return the daemon's way to it."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen()

    async def converse(stream: trio.SocketStream) -> None:
        async with stream:
            await answering(stream)

    doors = [trio.SocketListener(trio.socket.from_stdlib_socket(listener))]
    nursery.start_soon(trio.serve_listeners, converse, doors)
    return asking(path)


def asking(path: Path) -> PolicySocket:
    return PolicySocket(str(path), patience_seconds=PATIENCE, strict=True)


def telling(reply: bytes) -> Answering:
    async def answering(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(reply)

    return answering


async def hanging(stream: trio.SocketStream) -> None:
    await trio.sleep_forever()


async def slow(stream: trio.SocketStream) -> None:
    await stream.receive_some()
    for byte in b"0 2\n{}":
        await stream.send_all(bytes([byte]))
        await trio.sleep(PATIENCE / 3)


async def endless(stream: trio.SocketStream) -> None:
    while True:
        await stream.send_all(b"0" * 4096)


async def dying(stream: trio.SocketStream) -> None:
    await stream.receive_some(3)  # unread data makes the kernel reset the connection


async def test_the_question_has_the_pod_and_its_link(
    autojump_clock: MockClock, nursery: trio.Nursery, tmp_path: Path
) -> None:
    asked = bytearray()

    async def answering(stream: trio.SocketStream) -> None:
        asked.extend(await stream.receive_some())
        await stream.send_all(b"0 2\n{}")

    policies = serving(nursery, tmp_path / "s", answering)
    assert await policies.admit(LEASE) is None
    header, body = bytes(asked).split(b"\n", 1)
    environment, stdin = body.split(b"\0", 1)
    assert header == b"vcnd 1 %d %d" % (len(environment) + 1, len(stdin))
    assert environment.decode() == f"CNI_COMMAND={ADMIT}"
    assert json.loads(stdin) == {
        "link": "oci1",
        "addresses": ["10.0.0.9", "fd00::9"],
        "namespace": "default",
        "name": "web",
        "uid": "u1",
    }


@pytest.mark.parametrize(
    ("answering", "cause"),
    [
        pytest.param(hanging, Cause.TIMED_OUT, id="hanging"),
        pytest.param(slow, Cause.TIMED_OUT, id="slow"),
        pytest.param(dying, Cause.UNREACHABLE, id="dying"),
        pytest.param(telling(b""), Cause.UNREACHABLE, id="closing"),
        pytest.param(endless, Cause.BAD_ANSWER, id="endless"),
        pytest.param(telling(b"0 100\n{}"), Cause.BAD_ANSWER, id="cut"),
        pytest.param(telling(b"\xff\0\n\n"), Cause.BAD_ANSWER, id="garbage"),
        pytest.param(telling(b"0 3\n[[["), Cause.BAD_ANSWER, id="no JSON"),
        pytest.param(
            telling(b'1 28\n{"code": 999, "msg": "defect"}'),
            Cause.BAD_ANSWER,
            id="refusing",
        ),
    ],
)
async def test_a_bad_answer_is_a_fault_within_the_patience(
    answering: Answering,
    cause: Cause,
    autojump_clock: MockClock,
    nursery: trio.Nursery,
    tmp_path: Path,
) -> None:
    policies = serving(nursery, tmp_path / "s", answering)
    began = trio.current_time()
    fault = await policies.admit(LEASE)
    assert fault is not None
    assert fault.cause is cause
    assert "new pods are closed until" in fault.reason
    assert trio.current_time() - began <= PATIENCE
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize("name", ["missing", "file", "x" * 200])
async def test_a_path_without_a_listener_is_a_fault(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    fault = await asking(tmp_path / name).admit(LEASE)
    assert fault is not None
    assert fault.cause is Cause.UNREACHABLE


async def test_a_listener_that_died_is_a_fault(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
    fault = await asking(tmp_path / "s").admit(LEASE)
    assert fault is not None
    assert fault.cause is Cause.UNREACHABLE


async def test_a_call_that_ends_hangs_up(
    autojump_clock: MockClock, nursery: trio.Nursery, tmp_path: Path
) -> None:
    ended: list[float] = []

    async def answering(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        assert await stream.receive_some() == b""
        ended.append(trio.current_time())

    policies = serving(nursery, tmp_path / "s", answering)
    began = trio.current_time()
    with trio.move_on_after(0.1):
        await policies.admit(LEASE)
    await trio.testing.wait_all_tasks_blocked()
    assert ended == [began + 0.1]
    nursery.cancel_scope.cancel()


async def test_the_gate_is_lent_to_each_life_of_the_process(
    autojump_clock: MockClock, nursery: trio.Nursery, tmp_path: Path
) -> None:
    lent: list[tuple[bytes, int]] = []

    async def taking(stream: trio.SocketStream) -> None:
        data, ancillary, *_ = await stream.socket.recvmsg(4096, socket.CMSG_SPACE(4))
        ((_, _, descriptor),) = ancillary
        number = int.from_bytes(descriptor, sys.byteorder)
        lent.append((data, os.fstat(number).st_ino))
        os.close(number)
        await trio.sleep(LIVES_SECONDS)  # then it has ended

    gate = os.memfd_create("gate")

    async def made() -> int:
        await trio.sleep(1)
        return gate

    policies = serving(nursery, tmp_path / "s", taking)
    with trio.move_on_after(3.5 * LIVES_SECONDS):
        await policies.lend_gate(made, Random(1))
    nursery.cancel_scope.cancel()
    request = b"CNI_COMMAND=%s\0" % GATE.encode()
    sent = b"vcnd 1 %d 0\n%s" % (len(request), request)
    assert lent == [(sent, os.fstat(gate).st_ino)] * 4
    os.close(gate)


async def test_a_process_that_is_away_is_looked_for_now_and_then(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    asked = list[float]()

    async def made() -> int:
        return 0

    class Counting(Random):
        def uniform(self, a: float, b: float) -> float:
            asked.append(trio.current_time())
            return b

    with trio.move_on_after(60):
        await asking(tmp_path / "missing").lend_gate(made, Counting())
    pauses = [b - a for a, b in pairwise(asked)]
    assert pauses[0] == pytest.approx(0.2)
    assert pauses[-1] == pytest.approx(5.0)
