"""Lets a node reach a server of this process' own namespace, or keeps it away."""

import socket
from contextlib import suppress
from enum import Enum

import trio

from fakeoci.fabric import netns

CHUNK = 1 << 16


class Passage(Enum):
    """What becomes of a node's connections."""

    OPEN = "open"
    SILENT = "silent"
    """They stay open, and no byte passes."""
    CUT = "cut"
    """They end, and so does each new one."""


class Relay:
    """Passes the bytes of connections to 127.0.0.1 on."""

    def __init__(self, port: int) -> None:
        """Make it.

        Args:
            port: in the node's namespace, and in this process' own.
        """
        self._port = port
        self._passage = Passage.OPEN
        self._calls = trio.CancelScope()
        self.connections = 0
        """How many have come."""

    def become(self, passage: Passage) -> None:
        """Change what becomes of connections; those that were silent end."""
        self._passage = passage
        if passage is not Passage.SILENT:
            self._calls.cancel()

    async def serve(
        self,
        node: str,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Accept a node's connections for ever."""
        plain = netns.inside(node, self._listener)
        async with trio.SocketListener(trio.socket.from_stdlib_socket(plain)) as door:
            task_status.started()
            while True:
                with trio.CancelScope() as self._calls:
                    async with trio.open_nursery() as calls:
                        await self._accept(door, calls)

    def _listener(self) -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", self._port))
        sock.listen(64)
        return sock

    async def _accept(self, door: trio.SocketListener, calls: trio.Nursery) -> None:
        while True:
            stream = await door.accept()
            self.connections += 1
            calls.start_soon(self._call, stream)

    async def _call(self, theirs: trio.SocketStream) -> None:
        async with theirs:
            if self._passage is Passage.CUT:
                return
            with suppress(OSError, trio.BrokenResourceError):
                async with (
                    await trio.open_tcp_stream("127.0.0.1", self._port) as ours,
                    trio.open_nursery() as ways,
                ):
                    ways.start_soon(self._pass_on, theirs, ours)
                    ways.start_soon(self._pass_on, ours, theirs)

    async def _pass_on(
        self, source: trio.SocketStream, target: trio.SocketStream
    ) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while data := await source.receive_some(CHUNK):
                if self._passage is Passage.SILENT:
                    await trio.sleep_forever()
                await target.send_all(data)
            await target.send_eof()
