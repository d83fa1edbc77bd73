"""One HTTP/1.1 exchange over a stream, on the server's side.

A connection carries one request.  Its end is the end of the stream, so an answer
that the app leaves unfinished reaches the client as a broken connection.
"""

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import h11
import trio
from starlette.types import ASGIApp, Message

READ_BYTES = 65536
HTTPS_PORT = 443

log = logging.getLogger("fakeoci")


async def serve(
    app: ASGIApp,
    stream: trio.abc.Stream,
    *,
    client: str,
    port: int,
    reset: Callable[[], None],
) -> None:
    """Read a request, let the app answer it, close the stream.

    Args:
        app: the app.
        stream: the server's end of the connection.
        client: the address that the app takes the caller for.
        port: the port that the caller asked for.
        reset: lets the end of the stream be a reset.
    """
    exchange = _Exchange(stream, client, port)
    async with stream:
        try:
            scope = await exchange.read_request()
            if scope is not None:
                scope["fakeoci.reset"] = reset
                await app(scope, exchange.receive, exchange.send)
        except (trio.BrokenResourceError, h11.RemoteProtocolError):
            return  # the client is gone, or sent no HTTP
        except Exception:
            # A defect of the app: it answered with status 500 if it could.
            log.exception("the fake cloud failed")


class _Exchange:
    """The request and the answer, between ASGI and the bytes of HTTP/1.1."""

    def __init__(self, stream: trio.abc.Stream, client: str, port: int) -> None:
        self._stream = stream
        self._client = client
        self._port = port
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=1_000_000)
        self._body: bytes | None = b""

    async def read_request(self) -> dict[str, Any] | None:
        """Return the request's ASGI scope; None if the client left before its end."""
        request: h11.Request | None = None
        pieces: list[bytes] = []
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                received = await self._stream.receive_some(READ_BYTES)
                self._http.receive_data(bytes(received))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                pieces.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                self._body = b"".join(pieces)
                return self._scope_of(request)
            else:
                return None

    def _scope_of(self, request: h11.Request) -> dict[str, Any]:
        path, _, query = request.target.partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method.decode("ascii"),
            "scheme": "https" if self._port == HTTPS_PORT else "http",
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": list(request.headers),
            "client": (self._client, 0),
            "server": ("", self._port),
            "fakeoci.admin": False,
        }

    async def receive(self) -> Message:
        """Return the body; after it, wait until the client is gone."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        try:
            while await self._stream.receive_some(READ_BYTES):
                pass
        except trio.BrokenResourceError:
            pass  # gone as well
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", []), (b"connection", b"close")]
            await self._write(
                h11.Response(status_code=message["status"], headers=headers)
            )
            return
        await self._write(h11.Data(data=message.get("body", b"")))
        if not message.get("more_body", False):
            await self._write(h11.EndOfMessage())

    async def _write(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            await self._stream.send_all(data)
