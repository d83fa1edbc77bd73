"""The steps of a request that all services share: latency, faults, the request log."""

from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

import msgspec
import trio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fakeoci.api import intake
from fakeoci.api.garble import GarbledResponse, garble
from fakeoci.api.service import Service
from fakeoci.world.errors import ServiceError

UNDONE = ("cut", "hang", "reset", "unreachable")
"""The faults under which the call is not carried out."""


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


class Endpoint:
    """The steps of a request that all services share."""

    name = ""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return  # the request was not complete: nothing is done or answered
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        service, principal, code = self.service, "", ""
        limits = service.world.settings.limits
        read = await intake.read_body(request, limits.body_bytes)
        body = read or b""
        request_id = self._request_id(request)
        date = formatdate(service.clock(), usegmt=True)
        headers = {"opc-request-id": request_id, "date": date}
        await trio.sleep(service.latency(self.name))
        service.world.advance(service.clock())
        fault = service.fault_for(*self.fault_names(request))
        try:
            if intake.head_bytes(request) > limits.head_bytes:
                raise _too_large(431, "RequestHeaderFieldsTooLarge", limits.head_bytes)
            if read is None:
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
                response.headers.update(headers)
            if fault is not None and fault.kind == "after":
                response = AnswerLost()
            if fault is not None and fault.kind == "reset":
                response = ConnectionReset()
            if fault is not None and fault.kind == "garbled":
                response = _garbled(response, fault.how)
        except ServiceError as error:
            code = error.code
            refusal = {"code": error.code, "message": error.message}
            response = json(error.status, refusal, headers)
        service.record(
            operation=self.operation(request),
            principal=principal,
            client=request.client.host if request.client else "",
            status=0 if isinstance(response, AnswerLost) else response.status_code,
            code=code,
            opc_request_id=request_id,
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
