"""The app in process: a transport for httpx2 that streams.

httpx2's own ASGITransport returns a response only when the app has finished, so an
endless answer would never arrive.  A client's read timeout applies to the beginning
of an answer; the caller limits the rest (``trio.fail_after``).
"""

import math
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import trio
from starlette.types import ASGIApp, Message

from fakeoci.in_flight import InFlight


class _Body(httpx2.AsyncByteStream):
    """A response's body as it comes; closing it ends the app's task."""

    def __init__(
        self, chunks: trio.MemoryReceiveChannel[bytes], scope: trio.CancelScope
    ) -> None:
        self._chunks = chunks
        self._scope = scope

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            yield chunk

    async def aclose(self) -> None:
        self._scope.cancel()
        await self._chunks.aclose()


class FakeTransport(InFlight, httpx2.AsyncBaseTransport):
    """Sends the requests of one client address; use it as a context manager."""

    def __init__(
        self, app: ASGIApp, *, client_address: str = "127.0.0.1", admin: bool = False
    ) -> None:
        super().__init__()
        self._app = app
        self._client_address = client_address
        self._admin = admin

    async def aclose(self) -> None:
        """End all exchanges."""
        await self.__aexit__()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass a request to the app; return when its answer begins."""
        if self._nursery is None:
            raise httpx2.ConnectError("the transport is not open", request=request)
        body = await request.aread()
        exchange = _Exchange(self._scope_of(request), body)
        self._nursery.start_soon(exchange.run, self._app)
        read = request.extensions.get("timeout", {}).get("read")
        with trio.move_on_after(math.inf if read is None else read) as waiting:
            await exchange.begun.wait()
        if waiting.cancelled_caught:
            exchange.scope.cancel()
            raise httpx2.ReadTimeout(f"no answer in {read} s", request=request)
        if exchange.was_reset:
            raise httpx2.ReadError("connection reset by peer", request=request)
        if exchange.status is None:
            raise httpx2.RemoteProtocolError("no answer", request=request)
        if exchange.promises_more_than_it_gives:
            raise httpx2.RemoteProtocolError("the answer broke off", request=request)
        return httpx2.Response(
            exchange.status,
            headers=exchange.headers,
            stream=_Body(exchange.chunks, exchange.scope),
            request=request,
        )

    def _scope_of(self, request: httpx2.Request) -> dict[str, Any]:
        path, _, query = request.url.raw_path.partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.url.scheme,
            "path": request.url.path,
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": [(k.lower(), v) for k, v in request.headers.raw],
            "client": (self._client_address, 12345),
            "server": (request.url.host, request.url.port or 80),
            "fakeoci.admin": self._admin,
        }


class _Exchange:
    """One request and its answer, on the app's side."""

    def __init__(self, scope: dict[str, Any], body: bytes) -> None:
        self._asgi_scope = {**scope, "fakeoci.reset": self._reset}
        self.was_reset = False
        self._body = body
        self._asked = False
        self._promised = 0
        self._given = 0
        self._finished = False
        self._send_chunk, self.chunks = trio.open_memory_channel[bytes](8)
        self.scope = trio.CancelScope()
        self.begun = trio.Event()
        self.status: int | None = None
        self.headers: list[tuple[bytes, bytes]] = []

    @property
    def promises_more_than_it_gives(self) -> bool:
        """Return True if the app sent less body than its headers say."""
        return self._finished and self._given < self._promised

    async def run(self, app: ASGIApp) -> None:
        """Run the app until it has answered, or the client goes away."""
        with self.scope:
            async with self._send_chunk:
                await app(self._asgi_scope, self._receive, self._send)
                self._finished = True
        self.begun.set()

    def _reset(self) -> None:
        self.was_reset = True

    async def _receive(self) -> Message:
        if self._asked:
            await trio.sleep_forever()
        self._asked = True
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message.get("headers", []))
            promised = dict(self.headers).get(b"content-length", b"0")
            self._promised = int(promised)
            if self._promised == 0:
                self.begun.set()
            return
        chunk = message.get("body", b"")
        self._given += len(chunk)
        if chunk:
            await self._send_chunk.send(chunk)
        self.begun.set()
