"""Notices that a caller hung up while its call is carried out."""

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Never

import trio


class HangUps:
    """Ends calls whose peers closed their connection: one task watches them all.

    Only a full close counts.  A peer that shut down its sending half still waits for
    the reply, so neither the end of the data nor more data counts.  The kernel always
    reports the close of a Unix stream socket as EPOLLHUP.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._calls: dict[int, trio.CancelScope] = {}

    async def run(self) -> Never:
        """Cancel the calls of peers that hang up."""
        while True:
            await trio.lowlevel.wait_readable(self._epoll.fileno())
            for descriptor, _ in self._epoll.poll(0):
                self._calls[descriptor].cancel()

    @contextmanager
    def ending(self, connection: socket.socket) -> Iterator[trio.CancelScope]:
        """Cancel the body when the peer hangs up; the scope says whether it was."""
        descriptor = connection.fileno()
        # The first event disables the entry: none is reported twice.
        self._epoll.register(descriptor, select.EPOLLONESHOT)
        try:
            with trio.CancelScope() as call:
                self._calls[descriptor] = call
                yield call
        finally:
            del self._calls[descriptor]
            self._epoll.unregister(descriptor)
