"""The console's ASGI app: the page's files, the feed, and the switches."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import msgspec
import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fakeoci.api import intake
from fakeoci.console import faults
from fakeoci.console.console import Console
from fakeoci.console.faults import Happening, Switch
from fakeoci.console.feed import Follower, TooManyFollowersError
from fakeoci.console.guard import Guard
from fakeoci.world.errors import ServiceError

PAGE = Path(__file__).with_name("page")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
BEAT_SECONDS = 15.0
"""A comment goes out after so much silence: a dead connection is noticed."""
MOST_BYTES = 4096
"""Of a switch's request."""
Change = Callable[[bytes], None]


def build(console: Console, own: frozenset[str]) -> ASGIApp:
    """Return the console's app.

    Args:
        console: what it shows.
        own: the values of ``Host`` that it accepts.
    """
    service = console.service

    def on(body: bytes) -> None:
        faults.switch_on(service, msgspec.json.decode(body, type=Switch))

    def off(body: bytes) -> None:
        faults.switch_off(service, msgspec.json.decode(body, type=Switch))

    def clear(_body: bytes) -> None:
        service.faults.clear()

    def happen(body: bytes) -> None:
        faults.happen(service, msgspec.json.decode(body, type=Happening))

    changes = {
        "/faults/on": on,
        "/faults/off": off,
        "/faults/clear": clear,
        "/events": happen,
    }
    routes = [
        Route("/feed", _Feed(console)),
        Route("/", partial(_file, "index.html")),
        Route("/{name}", _named_file),
    ]
    routes += [
        Route(path, _changing(console, act), methods=["POST"])
        for path, act in changes.items()
    ]
    return Guard(Starlette(routes=routes), own)


async def _named_file(request: Request) -> Response:
    return await _file(request.path_params["name"], request)


async def _file(name: str, _request: Request) -> Response:
    """Return one of the page's files; the folder's list is the only way to one."""
    files = {path.name: path for path in PAGE.iterdir()}
    if name not in files:
        return Response("not found\n", status_code=404, media_type="text/plain")
    path = files[name]
    return Response(path.read_bytes(), headers={"content-type": TYPES[path.suffix]})


def _changing(
    console: Console, act: Change
) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that makes a change and shows it at once."""

    async def endpoint(request: Request) -> Response:
        body = await intake.read_body(request, MOST_BYTES)
        if body is None:
            return _plain(413, f"at most {MOST_BYTES} bytes")
        try:
            act(body)
        except ServiceError as error:
            return _plain(400, error.message)
        except ValueError as error:  # msgspec's errors are ValueErrors too
            return _plain(400, str(error))
        console.look()
        return Response(status_code=204)

    return endpoint


def _plain(status: int, text: str) -> Response:
    return Response(f"{text}\n", status_code=status, media_type="text/plain")


class _Feed:
    """GET /feed: server-sent events, until the browser goes or falls behind."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        last_id = headers.get(b"last-event-id", b"").decode("latin-1")
        try:
            with self._console.follow(last_id, scope.get("fakeoci.reset")) as found:
                await self._serve(*found, receive, send)
        except TooManyFollowersError:
            busy = _plain(503, "too many browsers follow already")
            await busy(scope, receive, send)

    async def _serve(
        self, follower: Follower, first: list[bytes], receive: Receive, send: Send
    ) -> None:
        with follower.scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_until_gone, receive, follower.scope)
                head = [(b"content-type", b"text/event-stream; charset=utf-8")]
                await send(
                    {"type": "http.response.start", "status": 200, "headers": head}
                )
                await send(_part(b"retry: 1000\n\n" + b"".join(first)))
                while True:
                    text = b": beat\n\n"
                    with trio.move_on_after(BEAT_SECONDS):
                        text = await follower.queue.receive()
                    await send(_part(text))


async def _until_gone(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _part(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}
