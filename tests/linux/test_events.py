"""How messages gather, and which do not."""

import errno
import os
import socket
from collections.abc import Iterator

import pytest
import trio
from trio.testing import MockClock

from vcnd.linux.events import GATHER_SECONDS, received


class Losing(socket.socket):
    """A socket that tells of a loss, once, as netlink's do."""

    told = False
    error = errno.ENOBUFS

    def recv(self, size: int, flags: int = 0) -> bytes:
        if not self.told:
            self.told = True
            raise OSError(self.error, os.strerror(self.error))
        return super().recv(size, flags)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    kernel, ear = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.settimeout(0.0)
    with kernel, ear:
        yield kernel, ear


@pytest.mark.parametrize("waits", [True, False])
async def test_what_may_wait_is_gathered(
    autojump_clock: MockClock, ends: tuple[socket.socket, socket.socket], *, waits: bool
) -> None:
    kernel, ear = ends
    kernel.send(b"first message of many bytes;")
    began = trio.current_time()
    seen: list[bytes] = []

    def may_wait(header: bytes) -> bool:
        seen.append(header)
        return waits

    async with trio.open_nursery() as later:

        async def go_on() -> None:
            await trio.sleep(GATHER_SECONDS / 2)
            kernel.send(b"second")

        later.start_soon(go_on)
        data = await received(ear, may_wait)
    gathered = b"first message of many bytes;" + (b"second" if waits else b"")
    assert data == gathered
    assert trio.current_time() - began == pytest.approx(
        GATHER_SECONDS if waits else GATHER_SECONDS / 2
    )
    assert seen == [b"first message of"]


@pytest.mark.parametrize("looks", [True, False])
@pytest.mark.parametrize("error", [errno.ENOBUFS, errno.ENOMEM])
async def test_a_loss_is_told_once(
    autojump_clock: MockClock,
    ends: tuple[socket.socket, socket.socket],
    error: int,
    *,
    looks: bool,
) -> None:
    kernel, ear = ends
    with Losing(fileno=ear.detach()) as losing:
        losing.error = error
        kernel.send(b"left")
        may_wait = (lambda _: False) if looks else None
        assert await received(losing, may_wait) is None
        assert await received(losing, may_wait) == b"left"
