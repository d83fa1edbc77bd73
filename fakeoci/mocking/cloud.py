"""A fake cloud in this process, and connections to it."""

import socket
from collections.abc import Callable
from contextlib import suppress

import trio
from starlette.types import ASGIApp

from fakeoci.mocking.exchange import serve
from fakeoci.mocking.loop import Loop


class Cloud:
    """Serves an app at socket pairs: in the caller's trio run, or in a thread."""

    def __init__(
        self, app: ASGIApp, *, client: str, unreachable: Callable[[str, str], bool]
    ) -> None:
        """Serve an app.

        Args:
            app: the app.
            client: the address that it takes callers for.
            unreachable: tells by method and path whether a call shall find no
                connection.
        """
        self._app = app
        self.unreachable = unreachable
        self._client = client
        self._loop = Loop()
        self._here: dict[trio.CancelScope, trio.lowlevel.TrioToken] = {}

    def connect(self, port: int) -> socket.socket:
        """Return the client's end of a connection that the thread serves."""
        ours, theirs = socket.socketpair()
        self._loop.start_soon(lambda: self._serve(ours, theirs, port))
        return theirs

    def connect_async(self, port: int) -> socket.socket:
        """Return the client's end of a connection for an asynchronous caller.

        A trio caller is served in its own run, for its clock may be a mock clock.
        """
        if not trio.lowlevel.in_trio_task():
            return self.connect(port)
        ours, theirs = socket.socketpair()
        scope = trio.CancelScope()
        self._here[scope] = trio.lowlevel.current_trio_token()
        trio.lowlevel.spawn_system_task(self._serve_here, ours, theirs, port, scope)
        return theirs

    def close(self) -> None:
        """End all exchanges."""
        self._loop.stop()
        for scope, token in list(self._here.items()):
            try:
                token.run_sync_soon(scope.cancel)
            except trio.RunFinishedError:
                continue  # and its tasks with it

    async def _serve(
        self, ours: socket.socket, theirs: socket.socket, port: int
    ) -> None:
        def reset() -> None:
            # To close a socket with something unread resets the connection.
            with suppress(OSError):  # the client may have closed it
                theirs.send(b"!")

        stream = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
        client = self._client
        await serve(self._app, stream, client=client, port=port, reset=reset)

    async def _serve_here(
        self,
        ours: socket.socket,
        theirs: socket.socket,
        port: int,
        scope: trio.CancelScope,
    ) -> None:
        try:
            with scope:
                await self._serve(ours, theirs, port)
        finally:
            del self._here[scope]
