"""No connection outlives its request, whenever that ends.  The sockets are real."""

import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from trio.lowlevel import Task

from fakeoci import tls
from fakeoci.api.certificates import Authority
from vcnd import web
from vcnd.web import Connections, NoAnswerError

MOST_SECONDS = 10.0
"""For what takes milliseconds, or for ever."""


class Server:
    """Answers each request; knows how many connections are open."""

    def __init__(self, settings: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._open = 0
        self._all_closed = trio.Event()
        self.before_handshake: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint
        self.url = ""

    async def serve(self, tcp: trio.SocketStream) -> None:
        """Answer the requests of one connection until the client closes it."""
        self._open += 1
        try:
            await self.before_handshake()
            stream: trio.abc.Stream = tcp
            if self._settings is not None:
                stream = trio.SSLStream(
                    tcp, self._settings, server_side=True, https_compatible=True
                )
            with contextlib.suppress(trio.BrokenResourceError):
                while await stream.receive_some():
                    await stream.send_all(
                        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
                    )
        finally:
            self._open -= 1
            self._all_closed.set()
            await trio.aclose_forcefully(tcp)

    async def all_are_closed(self) -> None:
        """Wait until no connection is open."""
        while self._open:
            self._all_closed = trio.Event()
            await self._all_closed.wait()


@asynccontextmanager
async def serving(*, with_tls: bool) -> AsyncIterator[Server]:
    server = Server(tls.context(Authority()) if with_tls else None)
    async with trio.open_nursery() as tasks:
        listeners = await tasks.start(trio.serve_tcp, server.serve, 0)
        port = listeners[0].socket.getsockname()[1]
        server.url = f"http{'s' if with_tls else ''}://127.0.0.1:{port}/"
        with trio.fail_after(MOST_SECONDS):
            yield server
        tasks.cancel_scope.cancel()


def connections() -> Connections:
    anyone = ssl.create_default_context()
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    return Connections(verify=anyone, most=1)


async def ask(connections: Connections, url: str) -> bytes:
    answer = await connections.begin("GET", url, headers={})
    try:
        return await web.read(answer, most=100)
    finally:
        await web.close(answer)


class CancelAtStep(trio.abc.Instrument):
    """Cancels a scope when its task takes a step: what it waited for has happened."""

    def __init__(self, scope: trio.CancelScope, step: int) -> None:
        self._task = trio.lowlevel.current_task()
        self._scope = scope
        self._left = step

    def before_task_step(self, task: Task) -> None:
        if task is self._task:
            self._left -= 1
            if self._left == 0:
                self._scope.cancel()


@pytest.mark.slow
@pytest.mark.parametrize("with_tls", [False, True])
async def test_request_cancelled_at_any_step_leaves_nothing(with_tls: bool) -> None:
    async with serving(with_tls=with_tls) as server:
        step, is_cancelled = 0, True
        while is_cancelled:
            step += 1
            async with connections() as used:
                with trio.CancelScope() as scope:
                    cancel = CancelAtStep(scope, step)
                    trio.lowlevel.add_instrument(cancel)
                    await ask(used, server.url)
                trio.lowlevel.remove_instrument(cancel)
                is_cancelled = scope.cancelled_caught
                # The one connection that there may be is free again.
                assert await ask(used, server.url) == b"ok"
            await server.all_are_closed()
        assert step > 5


@pytest.mark.slow
async def test_connection_that_opens_when_all_are_closed_is_closed() -> None:
    async with serving(with_tls=True) as server, connections() as used:
        server.before_handshake = used.aclose
        with pytest.raises(NoAnswerError, match="have been closed"):
            await ask(used, server.url)
        await server.all_are_closed()
