"""Any bytes and descriptors on a connection get an answer in CNI's form."""

import array
import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from tests.calling import (
    ADD,
    CONFIG,
    Verbs,
    exchange,
    request,
    request_environment,
    server_of,
    serving,
)
from vcnd.serve.hangups import HangUps


@pytest.mark.parametrize(
    "stdin", [b'"\x80"', b"[" * 50_000, b'{"name": "\xff"}', b'{"name": "\\ud800"}']
)
async def test_malformed_bytes_are_refused(tmp_path: Path, stdin: bytes) -> None:
    async with serving(Verbs(), tmp_path / "s"):
        code, answer = await exchange(tmp_path / "s", request(ADD, stdin))
    assert (code, answer["code"]) == (1, 6)


def framed(environment: bytes, stdin: bytes) -> bytes:
    return b"vcnd 1 %d %d\n%s%s" % (len(environment), len(stdin), environment, stdin)


def assignments(names: Sequence[str]) -> st.SearchStrategy[bytes]:
    """Return variables with any bytes as their values."""
    pairs = st.tuples(st.sampled_from(names), st.binary(max_size=20))
    lists = st.lists(pairs.map(lambda p: p[0].encode() + b"=" + p[1] + b"\0"))
    return lists.map(b"".join)


@pytest.mark.slow
@given(
    st.one_of(
        st.binary(max_size=200),
        st.builds(framed, st.binary(max_size=80), st.binary(max_size=80)),
        st.builds(
            framed,
            assignments([*ADD]).map(request_environment(ADD).__add__),
            st.binary(max_size=80) | st.just(CONFIG),
        ),
    ),
    st.integers(min_value=0, max_value=10),
)
async def test_any_bytes_are_answered_in_form(data: bytes, descriptors: int) -> None:
    """The answer is a frame with CNI's result or error; half a request gets none."""
    ours, plain = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    ours.settimeout(0.0)
    theirs = trio.socket.from_stdlib_socket(plain)
    rights = []
    if descriptors and data:
        fds = array.array("i", [0] * descriptors)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds.tobytes())]
    hangups = HangUps()
    before = len(os.listdir("/proc/self/fd"))
    with theirs:
        if data:
            await theirs.sendmsg([data], rights)
        theirs.shutdown(socket.SHUT_WR)
        server = server_of(Verbs())
        await server.converse(ours, hangups)
        reply = b""
        while chunk := await theirs.recv(65536):
            reply += chunk
        assert len(os.listdir("/proc/self/fd")) == before - 1  # our socket is closed
    if not reply:
        return
    header, _, body = reply.partition(b"\n")
    code, length = (int(part) for part in header.split())
    assert length == len(body)
    answer = json.loads(body) if body else {}
    assert answer.get("code") in ({None} if code == 0 else {1, 4, 6, 7, 8, 50})


async def test_descriptors_of_the_wrong_kind_or_number_are_closed(
    tmp_path: Path,
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    async with serving(Verbs(), tmp_path / "s"):
        for number in (0, 2, 8, 9, 200):
            code, answer = await exchange(
                tmp_path / "s", request(ADD), descriptors=number
            )
            assert (code, answer["code"]) == (1, 8 if number <= 8 else 6)
        # They may come in many messages too.
        with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            await sock.connect(str(tmp_path / "s"))
            fds = array.array("i", [0] * 8).tobytes()
            for byte in request(ADD)[:3]:
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)]
                await sock.sendmsg([bytes([byte])], rights)
            assert b'"code":6' in await sock.recv(65536)
    await trio.testing.wait_all_tasks_blocked()
    assert len(os.listdir("/proc/self/fd")) <= before
