"""Bytes at a real server's socket, in virtual time."""

import array
import os
import socket

import msgspec
import trio
from trio.testing import MockClock

from tests.fuzz.choices import Choices
from vcnd.log import Event, log
from vcnd.serve.answers import Verbs
from vcnd.serve.hangups import HangUps
from vcnd.serve.server import Server


class Exchange(msgspec.Struct, frozen=True):
    """What a server made of bytes."""

    code: int
    """The plugin's exit code; -1: there was no reply."""
    body: bytes


def exchange(verbs: Verbs, data: bytes, choices: Choices) -> Exchange:
    """Send bytes in pieces, with descriptors; return the reply.

    The server closes every descriptor, and no defect is logged.
    """
    before = _open()
    with log.collected() as events:
        reply = trio.run(
            _converse, verbs, data, choices, clock=MockClock(autojump_threshold=0)
        )
    check(events)
    if _open() != before:
        raise AssertionError("a descriptor is left open")
    if not reply:
        return Exchange(-1, b"")
    header, _, body = reply.partition(b"\n")
    code, length = (int(part) for part in header.split())
    if length != len(body):
        raise AssertionError(f"{length} bytes are announced, {len(body)} came")
    return Exchange(code, body)


def check(events: list[Event]) -> None:
    """Raise the exception of a defect that was logged."""
    for event in events:
        if failure := event.get("exc_info"):
            raise failure


async def _converse(verbs: Verbs, data: bytes, choices: Choices) -> bytes:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    ours.settimeout(0.0)
    theirs.settimeout(0.0)
    server, hangups = Server(verbs, allowed_uids=[os.getuid()]), HangUps()
    with theirs:
        async with trio.open_nursery() as watch:
            watch.start_soon(hangups.run)
            async with trio.open_nursery() as call:
                call.start_soon(server.converse, ours, hangups)
                await _send(theirs, data, choices)
                reply = await _received(theirs)
                theirs.close()
            watch.cancel_scope.cancel()
    return reply


async def _received(sock: socket.socket) -> bytes:
    """Return all bytes until the end, or until a call waits for its caller's end."""
    received, is_shut = bytearray(), False
    while True:
        await trio.testing.wait_all_tasks_blocked()
        try:
            chunk = sock.recv(1 << 16)
        except BlockingIOError:
            if is_shut:
                return bytes(received)
            sock.shutdown(socket.SHUT_WR)
            is_shut = True
            continue
        except ConnectionResetError:
            return bytes(received)
        if not chunk:
            return bytes(received)
        received += chunk


async def _send(sock: socket.socket, data: bytes, choices: Choices) -> None:
    """Send bytes in up to three pieces; descriptors come with the first."""
    number = choices.below(11) if choices.below(4) == 0 else 1
    cuts = sorted(choices.below(len(data) + 1) for _ in range(choices.below(3)))
    fds = array.array("i", [0] * number).tobytes() if number else b""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)] if fds else []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        if start == end:
            continue
        try:
            sock.sendmsg([data[start:end]], rights)
        except (BrokenPipeError, ConnectionResetError):
            return
        rights = []
        await trio.testing.wait_all_tasks_blocked()


def _open() -> int:
    return len(os.listdir("/proc/self/fd"))
