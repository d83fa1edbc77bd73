"""The ASGI app: its routes, and the endpoints of Core and IMDS."""

from collections.abc import Sequence
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from fakeoci.api import admin, imds, intake, signatures
from fakeoci.api.authorization import authorize
from fakeoci.api.core_routes import CoreRoutes
from fakeoci.api.endpoint import Endpoint, json, target
from fakeoci.api.federation import Federate, WorkloadIdentity
from fakeoci.api.identity import not_authenticated
from fakeoci.api.service import CORE_NAME, Call, Operation, Service
from fakeoci.api.signatures import Signed
from fakeoci.api.unsupported import Unsupported
from fakeoci.world.errors import ServiceError
from fakeoci.world.resources import Instance


def build(service: Service, further: Sequence[Route] = ()) -> Starlette:
    """Return the ASGI app of a service.

    Args:
        service: the region's endpoint.
        further: the caller's own routes.  None can be added later, because the last
            route matches every path.
    """
    routes: list[BaseRoute] = [CoreRoutes(partial(_Core, service))]
    routes.append(Route("/v1/x509", Federate(service), methods=["POST"]))
    workload = WorkloadIdentity(service)
    routes.append(Route("/resourcePrincipalSessionTokens", workload, methods=["POST"]))
    routes.append(Route("/opc/v2/{path:path}", _Imds(service), methods=["GET"]))
    routes += [*admin.routes(service), *further]
    rest = Unsupported(service)
    routes.append(Route("/{path:path}", rest))
    app = Starlette(routes=routes)
    app.router.default = rest  # for targets that are no path: ``*``, or a proxy's URL
    return app


def fault_names(app: Starlette, method: str, path: str) -> tuple[str, ...]:
    """Return the names that match a fault to a call; none if it is no operation."""
    scope = {"type": "http", "method": method, "path": path, "headers": []}
    for route in app.routes:
        match, found = route.matches(scope)
        endpoint = found.get("endpoint")
        if match is Match.FULL and isinstance(endpoint, Endpoint):
            return endpoint.fault_names(Request({**scope, **found}))
    return ()


class _Core(Endpoint):
    """A Core operation."""

    def __init__(self, service: Service, operation: Operation) -> None:
        super().__init__(service)
        self.name = operation.name
        self._operation = operation

    def fault_names(self, request: Request) -> tuple[str, ...]:
        """Return the operation's name, and the name of all of Core."""
        del request
        return self.name, CORE_NAME

    def authenticate(self, request: Request, body: bytes) -> str:
        service = self.service
        if not service.world.settings.behaviour.verify_signatures:
            return "anybody"
        signed = Signed(request.headers)
        principal, key = service.identities.key_of(signed.key_id, service.clock())
        signed.verify(
            method=request.method,
            target=target(request),
            body=body,
            key=key,
            now=service.clock(),
            needed=signatures.NEEDED,
        )
        return principal

    def carry_out(self, request: Request, body: bytes, principal: str) -> Response:
        service = self.service
        service.throttle(principal, self.name)
        intake.check_media_type(request, body)
        intake.check_tags(body, service.world.settings.behaviour.tag_namespaces)
        query, token = intake.single(request.query_params), intake.retry_token(request)
        call = Call(
            world=service.world,
            now=service.clock(),
            operation=self.name,
            principal=principal,
            path=request.path_params,
            query=query,
            body=body,
            if_match=request.headers.get("if-match"),
        )
        authorize(call)
        known = service.answered(principal, self.name, token, body) if token else None
        if known is not None:
            return json(known.status, known.body, known.headers)
        result = self._operation.run(call)
        if token:
            service.remember(principal, self.name, token, body, result)
        return json(result.status, result.body, result.headers)


class _Imds(Endpoint):
    """GET /opc/v2/…."""

    name = "IMDS"

    def fault_names(self, request: Request) -> tuple[str, ...]:
        """Return the endpoint's name and the requested document's name."""
        return self.name, f"IMDS /{request.path_params['path']}"

    def authenticate(self, request: Request, body: bytes) -> str:
        del body
        if request.headers.get("authorization") != "Bearer Oracle":
            raise not_authenticated("Authorization: Bearer Oracle is required")
        if any(
            name.startswith(("forwarded", "x-forwarded")) for name in request.headers
        ):
            raise ServiceError(403, "NotAllowed", "forwarded requests are refused")
        address = request.client.host if request.client else ""
        vcn_id = request.scope.get("fakeoci.vcn")
        instance: Instance = imds.caller(self.service.world, address, vcn_id)
        return instance.id

    def carry_out(self, request: Request, body: bytes, principal: str) -> Response:
        del body
        instance = self.service.world.get(Instance, principal)
        found = imds.document(self.service, instance, request.path_params["path"])
        if isinstance(found, bytes):
            return Response(found, media_type="text/plain")
        if isinstance(found, str):
            return Response(found, media_type="text/plain")
        return json(200, found, {})
