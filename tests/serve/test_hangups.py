"""Callers that hang up while their call waits, on a real Unix socket."""

import array
import os
import socket
from pathlib import Path

import pytest
import trio

from tests.calling import ADD, Verbs, exchange, request, serving


@pytest.mark.parametrize("half_closed", [False, True])
async def test_add_ends_when_its_caller_hangs_up(
    tmp_path: Path, half_closed: bool
) -> None:
    """Closing the sending half alone is no hang-up: the caller reads the reply."""
    verbs = Verbs()
    verbs.waits = True
    before = len(os.listdir("/proc/self/fd"))
    with trio.fail_after(5):
        async with serving(verbs, tmp_path / "s"):
            with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                await sock.connect(str(tmp_path / "s"))
                fds = array.array("i", [0]).tobytes()
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)]
                await sock.sendmsg([request(ADD)], rights)
                await verbs.waiting.wait()
                if half_closed:
                    await sock.send(b"more than was announced")
                    sock.shutdown(socket.SHUT_WR)
                    await trio.testing.wait_all_tasks_blocked()
                assert verbs.ended == []
            await verbs.end.wait()
            verbs.waits = False
            assert (await exchange(tmp_path / "s", request(ADD)))[0] == 0
    assert verbs.ended == ["ADD cancelled"]
    assert len(verbs.added) == 1
    await trio.testing.wait_all_tasks_blocked()
    assert len(os.listdir("/proc/self/fd")) <= before


async def test_half_closed_caller_of_add_gets_its_reply(tmp_path: Path) -> None:
    verbs = Verbs()
    verbs.waits = True

    async def go_on() -> None:
        await verbs.waiting.wait()
        await trio.testing.wait_all_tasks_blocked()
        verbs.go_on.set()

    with trio.fail_after(5):
        async with serving(verbs, tmp_path / "s"), trio.open_nursery() as tasks:
            tasks.start_soon(go_on)
            code, _ = await exchange(tmp_path / "s", request(ADD), half=True)
    assert (code, verbs.ended) == (0, ["ADD done"])


async def test_del_goes_on_when_its_caller_hangs_up(tmp_path: Path) -> None:
    verbs = Verbs()
    verbs.waits = True
    with trio.fail_after(5):
        async with serving(verbs, tmp_path / "s"):
            with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                await sock.connect(str(tmp_path / "s"))
                await sock.send(request({**ADD, "CNI_COMMAND": "DEL"}))
                await verbs.waiting.wait()
            await trio.testing.wait_all_tasks_blocked()
            verbs.go_on.set()
            await verbs.end.wait()
    assert verbs.ended == ["DEL done"]
