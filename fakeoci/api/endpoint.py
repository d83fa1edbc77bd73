"""The steps of a request that all services share: latency, faults, the request log."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

import msgspec
import trio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fakeoci.api import intake
from fakeoci.api.garble import GarbledResponse, garble
from fakeoci.api.service import Fault, Service
from fakeoci.world.errors import ServiceError

UNDONE = ("cut", "hang", "reset", "unreachable")
"""The faults under which the call is not carried out."""
SLOW = ("slow", "hang")
"""The faults that take time."""


class AnswerLost(Response):
    """An answer that breaks off after its headers, which announce a body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the start of a response only."""
        headers = [(b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


class ConnectionReset(AnswerLost):
    """A reset of the connection before the status line."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reset the connection if the server can; else let the answer break off."""
        reset = scope.get("fakeoci.reset")
        if reset is not None:
            reset()
        else:
            await super().__call__(scope, receive, send)


def _garbled(response: Response, how: str) -> Response:
    headers = {name.decode(): value for name, value in response.raw_headers}
    return GarbledResponse(
        garble(
            how,
            status=response.status_code,
            headers=headers,
            body=bytes(response.body),
        )
    )


def _too_large(status: int, code: str, most: int) -> ServiceError:
    return ServiceError(status, code, f"the request is too large: at most {most} bytes")


async def _gone(request: Request) -> None:
    """Return when the client has given up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A request that has arrived, and is carried out after its latency."""

    request: Request
    """Without its body."""
    body: bytes | None
    """None: it is larger than the limit."""
    at: float
    request_id: str
    headers: Mapping[str, str]
    """Of the answer."""
    latency: float


class Endpoint:
    """The steps of a request that all services share."""

    name = ""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            most = self.service.world.settings.limits.body_bytes
            read = await intake.read_body(request, most)
            arrived = self.arrive(request, read)
            await trio.sleep(arrived.latency)
            response = await self.answer(arrived, self.fault(arrived))
        except ClientDisconnect:
            return  # the request was not complete: nothing is done or answered
        await response(scope, receive, send)

    def arrive(self, request: Request, body: bytes | None) -> Arrived:
        """Take a request in; the caller waits for its latency then.

        Args:
            request: without its body.
            body: None: it is larger than the limit.
        """
        service = self.service
        now, request_id = service.clock(), self._request_id(request)
        return Arrived(
            request=request,
            body=body,
            at=now,
            request_id=request_id,
            headers={
                "opc-request-id": request_id,
                "date": formatdate(now, usegmt=True),
            },
            latency=service.latency(self.name),
        )

    def fault(self, arrived: Arrived) -> Fault | None:
        """Return the fault that a request meets after its latency, or None."""
        self.service.world.advance(self.service.clock())
        return self.service.fault_for(*self.fault_names(arrived.request))

    async def answer(self, arrived: Arrived, fault: Fault | None) -> Response:
        """Return the answer; some say how the connection breaks.

        It waits for nothing unless the fault is one of ``SLOW``.
        """
        service, principal, code = self.service, "", ""
        limits = service.world.settings.limits
        request, body = arrived.request, arrived.body or b""
        try:
            if intake.head_bytes(request) > limits.head_bytes:
                raise _too_large(431, "RequestHeaderFieldsTooLarge", limits.head_bytes)
            if arrived.body is None:
                raise _too_large(413, "PayloadTooLarge", limits.body_bytes)
            principal = self.authenticate(request, body)
            if fault is not None and fault.kind == "before":
                raise ServiceError(fault.status, fault.code, fault.message)
            if fault is not None and fault.kind == "slow":
                await trio.sleep(fault.seconds)
            if fault is not None and fault.kind == "hang":
                await _gone(request)
            response: Response = AnswerLost()
            if fault is None or fault.kind not in UNDONE:
                response = self.carry_out(request, body, principal)
                response.headers.update(arrived.headers)
            if fault is not None and fault.kind == "after":
                response = AnswerLost()
            if fault is not None and fault.kind == "reset":
                response = ConnectionReset()
            if fault is not None and fault.kind == "garbled":
                response = _garbled(response, fault.how)
        except ServiceError as error:
            code = error.code
            refusal = {"code": error.code, "message": error.message}
            response = json(error.status, refusal, arrived.headers)
        service.record(
            operation=self.operation(request),
            principal=principal,
            client=request.client.host if request.client else "",
            status=0 if isinstance(response, AnswerLost) else response.status_code,
            code=code,
            opc_request_id=arrived.request_id,
            seconds=service.clock() - arrived.at,
            fault="" if fault is None else fault.kind,
            retry_token=request.headers.get("opc-retry-token", ""),
        )
        return response

    def _request_id(self, request: Request) -> str:
        given = request.headers.get("opc-request-id", "")
        own = self.service.world.names.segment()
        return f"{given}/{own}" if given else own

    def operation(self, request: Request) -> str:
        """Return the operation's name for the request log."""
        del request
        return self.name

    def fault_names(self, request: Request) -> tuple[str, ...]:
        """Return the names that match a fault to this call."""
        del request
        return (self.name,)

    def authenticate(self, request: Request, body: bytes) -> str:
        """Return the principal of a request.

        Raises:
            ServiceError: 401, the request does not prove it.
        """
        raise NotImplementedError

    def carry_out(self, request: Request, body: bytes, principal: str) -> Response:
        """Carry a request out and return the answer."""
        raise NotImplementedError


def target(request: Request) -> str:
    """Return path and query as they were sent, because these bytes are signed."""
    raw: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    path = raw.decode("latin-1").partition("?")[0]
    return f"{path}?{query.decode('latin-1')}" if query else path


def json(status: int, body: Any, headers: Mapping[str, str]) -> Response:
    """Return an answer with a JSON body, or with no body for None."""
    if body is None:
        return Response(status_code=status, headers=dict(headers))
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        headers=dict(headers),
        media_type="application/json",
    )
