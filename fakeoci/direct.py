"""The app in process, without HTTP: a request is a few values, and so is its answer.

``FakeTransport`` is the way for clients of HTTP.  This one is for simulations, whose
calls are many: it takes a part of the time, and the services do the same.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from fakeoci.api.endpoint import (
    SLOW,
    AnswerLost,
    Arrived,
    ConnectionReset,
    Endpoint,
)
from fakeoci.api.garble import GarbledResponse
from fakeoci.api.service import Fault
from fakeoci.in_flight import InFlight


class BrokenError(Exception):
    """No answer comes: the connection broke, or the answer took too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request; the names of its headers are in lower case."""

    method: str
    host: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class DirectWay(InFlight):
    """Sends the requests of one client address; use it as a context manager.

    A request goes on when its sender is cancelled, as one that was sent does.
    """

    def __init__(self, app: Starlette, *, client_address: str) -> None:
        super().__init__()
        self._app = app
        self._client = (client_address, 12345)

    async def send(self, asked: Asked, *, read_seconds: float = math.inf) -> Answered:
        """Send a request and return its answer.

        Args:
            asked: the request.
            read_seconds: the client gives up after this time, and its request ends.

        Raises:
            BrokenError: there was no answer.
        """
        if self._nursery is None:
            raise BrokenError("the way is not open")
        endpoint, request = self._addressed(asked)
        most = endpoint.service.world.settings.limits.body_bytes
        body = asked.body if len(asked.body) <= most else None
        arrived = endpoint.arrive(request, body)
        exchange = _Exchange(endpoint, arrived, trio.current_time() + arrived.latency)
        gives_up_at = trio.current_time() + read_seconds
        try:
            await trio.sleep_until(min(exchange.due, gives_up_at))
        except trio.Cancelled:
            self._nursery.start_soon(exchange.run)
            raise
        if exchange.due <= gives_up_at:
            fault = endpoint.fault(arrived)
            if fault is None or fault.kind not in SLOW:
                return _read(await endpoint.answer(arrived, fault))
            # A task of its own: others wait for nothing from here on.
            self._nursery.start_soon(exchange.answer, fault)
            with trio.move_on_at(gives_up_at):
                await exchange.ended.wait()
                return _read(exchange.response)
            exchange.scope.cancel()
        raise BrokenError(f"ReadTimeout: no answer in {read_seconds} s")

    def _addressed(self, asked: Asked) -> tuple[Endpoint, Request]:
        """Return the endpoint that a request is for, and the request for it."""
        path, _, query = asked.target.partition("?")
        headers = {"host": asked.host, **asked.headers}
        scope: dict[str, Any] = {
            "type": "http",
            "http_version": "1.1",
            "method": asked.method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
            "client": self._client,
            "server": (asked.host, 80),
        }
        for route in self._app.routes:
            match, found = route.matches(scope)
            endpoint = found.get("endpoint")
            if match is Match.FULL and isinstance(endpoint, Endpoint):
                return endpoint, Request({**scope, **found}, _nothing_more)
        raise BrokenError(f"{asked.method} {path} is not for this way")


async def _nothing_more() -> Scope:
    """Receive what a client says after its request: nothing."""
    return await trio.sleep_forever()


class _Exchange:
    """A request that goes on in a task of its own.

    Most need none: they wait for their latency in their sender's.
    """

    def __init__(self, endpoint: Endpoint, arrived: Arrived, due: float) -> None:
        self._endpoint, self._arrived = endpoint, arrived
        self.due = due
        """When its latency is over."""
        self.scope = trio.CancelScope()
        self.ended = trio.Event()
        self.response: Response = AnswerLost()

    async def run(self) -> None:
        """Go on after the sender was cancelled."""
        await trio.sleep_until(self.due)
        await self.answer(self._endpoint.fault(self._arrived))

    async def answer(self, fault: Fault | None) -> None:
        """Let the endpoint answer, unless the client gives up."""
        with self.scope:
            self.response = await self._endpoint.answer(self._arrived, fault)
        self.ended.set()


def _read(response: Response) -> Answered:
    if isinstance(response, ConnectionReset):
        raise BrokenError("ReadError: connection reset by peer")
    if isinstance(response, AnswerLost):
        raise BrokenError("RemoteProtocolError: the answer broke off")
    if isinstance(response, GarbledResponse):
        raise BrokenError("garbled answers are for clients of HTTP")
    return Answered(
        status=response.status_code,
        headers={k.decode(): v.decode() for k, v in response.raw_headers},
        body=bytes(response.body),
    )
