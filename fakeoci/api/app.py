"""The ASGI app: authenticate, let time pass, meet faults, carry out, answer."""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec
import trio
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from fakeoci.api import admin, details, imds, signatures
from fakeoci.api.identity import not_authenticated
from fakeoci.api.operations import OPERATIONS
from fakeoci.api.service import Call, Operation, Service
from fakeoci.api.signatures import Signed
from fakeoci.world.errors import ServiceError
from fakeoci.world.nouns import Instance

CORE = "/20160918"


class AnswerLost(Response):
    """An answer that breaks off: headers that promise a body, and then nothing."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the start of a response and leave."""
        headers = [(b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


def build(service: Service) -> Starlette:
    """Return the app over a service."""
    routes = [_core_route(service, operation) for operation in OPERATIONS]
    routes.append(Route("/v1/x509", _Federate(service), methods=["POST"]))
    routes.append(Route("/opc/v2/{path:path}", _Imds(service), methods=["GET"]))
    routes += admin.routes(service)
    return Starlette(routes=routes)


def _core_route(service: Service, operation: Operation) -> Route:
    return Route(
        CORE + operation.path, _Core(service, operation), methods=[operation.method]
    )


class _Endpoint:
    """A request's way in and out, common to all services."""

    name = ""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        service, principal, code = self._service, "", ""
        # Read to the end, whatever follows: an unread body breaks the connection.
        body = await request.body()
        request_id = self._request_id(request)
        headers = {"opc-request-id": request_id}
        await trio.sleep(service.world.settings.timing.latency_seconds)
        service.world.advance(service.clock())
        fault = service.fault_for(self.name)
        try:
            principal = self._authenticate(request, body)
            if fault is not None and fault.kind == "before":
                raise ServiceError(fault.status, fault.code, fault.message)
            if fault is not None and fault.kind == "slow":
                await trio.sleep(fault.seconds)
            response: Response = AnswerLost()
            if fault is None or fault.kind != "cut":
                response = self._carry_out(request, body, principal)
                response.headers.update(headers)
            if fault is not None and fault.kind == "after":
                response = AnswerLost()
        except ServiceError as error:
            code = error.code
            said = {"code": error.code, "message": error.message}
            response = _json(error.status, said, headers)
        service.record(
            operation=self.name,
            principal=principal,
            client=request.client.host if request.client else "",
            status=0 if isinstance(response, AnswerLost) else response.status_code,
            code=code,
            opc_request_id=request_id,
        )
        return response

    def _request_id(self, request: Request) -> str:
        said = request.headers.get("opc-request-id", "")
        own = self._service.world.names.segment()
        return f"{said}/{own}" if said else own

    def _authenticate(self, request: Request, body: bytes) -> str:
        raise NotImplementedError

    def _carry_out(self, request: Request, body: bytes, principal: str) -> Response:
        raise NotImplementedError


def _target(request: Request) -> str:
    raw: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    path = raw.decode("ascii").partition("?")[0]
    return f"{path}?{query.decode('ascii')}" if query else path


def _json(status: int, body: Any, headers: Mapping[str, str]) -> Response:
    if body is None:
        return Response(status_code=status, headers=dict(headers))
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        headers=dict(headers),
        media_type="application/json",
    )


class _Core(_Endpoint):
    """A Core operation."""

    def __init__(self, service: Service, operation: Operation) -> None:
        super().__init__(service)
        self.name = operation.name
        self._operation = operation

    def _authenticate(self, request: Request, body: bytes) -> str:
        service = self._service
        if not service.world.settings.behaviour.verify_signatures:
            return "anybody"
        signed = Signed(request.headers)
        principal, key = service.identities.key_of(signed.key_id, service.clock())
        signed.verify(
            method=request.method,
            target=_target(request),
            body=body,
            key=key,
            now=service.clock(),
            needed=signatures.NEEDED,
        )
        return principal

    def _carry_out(self, request: Request, body: bytes, principal: str) -> Response:
        service = self._service
        service.throttle(principal)
        token = request.headers.get("opc-retry-token", "")
        known = service.answered(principal, self.name, token, body) if token else None
        if known is not None:
            return _json(known.status, known.body, known.headers)
        result = self._operation.run(
            Call(
                world=service.world,
                now=service.clock(),
                principal=principal,
                path=request.path_params,
                query=dict(request.query_params),
                body=body,
                if_match=request.headers.get("if-match"),
            )
        )
        if token:
            service.remember(principal, self.name, token, body, result)
        return _json(result.status, result.body, result.headers)


class _Federate(_Endpoint):
    """POST /v1/x509: an instance certificate for a token."""

    name = "Federate"

    def _authenticate(self, request: Request, body: bytes) -> str:
        said = details.decode(body, details.FederationDetails)
        certificate = _certificate(said.certificate)
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise not_authenticated("the certificate has no RSA key")
        signed = Signed(request.headers)
        if "/fed-x509" not in signed.key_id:
            raise not_authenticated("keyId is not tenancy/fed-x509/fingerprint")
        signed.verify(
            method="POST",
            target=_target(request),
            body=body,
            key=key,
            now=self._service.clock(),
            needed=signatures.FEDERATION_NEEDED,
        )
        return signed.key_id

    def _carry_out(self, request: Request, body: bytes, principal: str) -> Response:
        del request, principal
        said = details.decode(body, details.FederationDetails)
        public = serialization.load_der_public_key(_der(said.public_key))
        if not isinstance(public, rsa.RSAPublicKey):
            raise not_authenticated("the session key is no RSA key")
        token = self._service.identities.federate(
            _certificate(said.certificate), public, self._service.clock()
        )
        return _json(200, {"token": token}, {})


def _der(bare_pem: str) -> bytes:
    try:
        return base64.b64decode(bare_pem, validate=True)
    except ValueError as error:
        raise not_authenticated("a PEM is not base64") from error


def _certificate(bare_pem: str) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(_der(bare_pem))
    except ValueError as error:
        raise not_authenticated("the certificate is malformed") from error


class _Imds(_Endpoint):
    """GET /opc/v2/…."""

    name = "IMDS"

    def _authenticate(self, request: Request, body: bytes) -> str:
        del body
        if request.headers.get("authorization") != "Bearer Oracle":
            raise not_authenticated("Authorization: Bearer Oracle is required")
        if any(
            name.startswith(("forwarded", "x-forwarded")) for name in request.headers
        ):
            raise ServiceError(403, "NotAllowed", "forwarded requests are refused")
        address = request.client.host if request.client else ""
        vcn_id = request.scope.get("fakeoci.vcn")
        instance: Instance = imds.caller(self._service.world, address, vcn_id)
        return instance.id

    def _carry_out(self, request: Request, body: bytes, principal: str) -> Response:
        del body
        instance = self._service.world.get(Instance, principal)
        found = imds.document(self._service, instance, request.path_params["path"])
        if isinstance(found, bytes):
            return Response(found, media_type="text/plain")
        if isinstance(found, str):
            return Response(found, media_type="text/plain")
        return _json(200, found, {})
