"""Errors of accept: some cause a pause, others end the daemon."""

import errno
import os
import socket
from contextlib import closing
from typing import Any, cast

import pytest
import trio

from tests.calling import Verbs, server_of
from vcnd.log import log

Clock = trio.testing.MockClock
PAUSE_SECONDS = 0.1


class Listener:
    """Fails with each of its errors in turn, then waits forever."""

    def __init__(self, *refusals: int) -> None:
        self.refusals = list(refusals)
        self.asked = 0

        self.never_readable, self._writer = os.pipe()

    def accept(self) -> Any:
        self.asked += 1
        if self.refusals:
            number = self.refusals.pop(0)
            raise OSError(number, os.strerror(number))
        raise BlockingIOError

    def fileno(self) -> int:
        return self.never_readable

    def close(self) -> None:
        os.close(self.never_readable)
        os.close(self._writer)


async def serve(listener: Listener, seconds: float) -> None:
    server = server_of(Verbs())
    with closing(listener), trio.move_on_after(seconds):
        async with trio.open_nursery() as calls:
            await server.serve(cast(socket.socket, listener), calls)


@pytest.mark.parametrize("name", ["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS"])
async def test_a_lack_is_waited_out_and_logged_once(
    autojump_clock: Clock, name: str
) -> None:
    listener = Listener(*[getattr(errno, name)] * 10)
    with log.collected() as logged:
        await serve(listener, 10 * PAUSE_SECONDS + 0.01)
    assert listener.asked == 11
    assert [x["event"] for x in logged] == ["accept_failed"]


async def test_closed_peer_does_not_end_the_listener(autojump_clock: Clock) -> None:
    listener = Listener(errno.ECONNABORTED)
    await serve(listener, 1.0)
    assert listener.asked == 2


@pytest.mark.parametrize("name", ["EBADF", "EINVAL", "ENOTSOCK", "EOPNOTSUPP"])
async def test_closed_listener_ends_the_daemon(
    autojump_clock: Clock, name: str
) -> None:
    """systemd starts it again, with the socket that the socket unit keeps."""
    listener = Listener(getattr(errno, name))
    with pytest.RaisesGroup(OSError):
        await serve(listener, 10.0)
    assert listener.asked == 1
