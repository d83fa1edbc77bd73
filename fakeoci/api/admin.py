"""The admin API: faults, principals, events, the request log, the world's objects.

Only listeners that are marked for it have it: no instance of the world can reach it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fakeoci.api.bodies import body
from fakeoci.api.garble import MUTATIONS
from fakeoci.api.service import Fault, Service
from fakeoci.world import instances
from fakeoci.world.errors import ServiceError
from fakeoci.world.resources import Instance, Subnet
from fakeoci.world.world import KINDS

Endpoint = Callable[[Request], Awaitable[Response]]
PREFIX = "/fake/v1"
FAULTS = ("before", "after", "cut", "reset", "slow", "hang", "garbled")


class FaultDetails(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """POST /fake/v1/faults."""

    operation: str
    kind: str
    status: int = 500
    code: str = "InternalServerError"
    message: str = "a fault was asked for"
    seconds: float = 0.0
    how: str = ""
    times: int | None = 1
    rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0

    def fault(self) -> Fault:
        """Return the fault.

        Raises:
            ValueError: no such kind, or no such way to garble.
        """
        if self.kind not in FAULTS:
            raise ValueError(f"kind is one of {', '.join(FAULTS)}")
        if self.kind == "garbled" and self.how not in MUTATIONS:
            raise ValueError(f"how is one of {', '.join(MUTATIONS)}")
        return Fault(**msgspec.structs.asdict(self))


class HiddenDetails(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """POST /fake/v1/actions/hide: objects that lists omit for some seconds."""

    ids: list[str]
    seconds: float


class PrincipalDetails(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """POST /fake/v1/clusters and /resourcePrincipals: an id and its public key."""

    id: str
    public_key: str


class ApiKeyDetails(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """POST /fake/v1/apiKeys: ``tenancy/user/fingerprint`` and its public key."""

    key_id: str
    public_key: str


def _json(answer: Any, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(answer), status_code=status, media_type="application/json"
    )


def routes(service: Service) -> list[Route]:
    """Return the admin API's routes."""

    async def add_fault(request: Request) -> Response:
        details = msgspec.json.decode(await request.body(), type=FaultDetails)
        service.faults.append(details.fault())
        return _json({}, 201)

    async def clear_faults(_request: Request) -> Response:
        service.faults.clear()
        return _json({})

    async def name_occupants(request: Request) -> Response:
        names = msgspec.json.decode(await request.body(), type=dict[str, str])
        for address, name in names.items():
            service.occupants.pop(address, None)
            if name:
                service.occupants[address] = name
        return _json({})

    async def expire_tokens(_request: Request) -> Response:
        service.identities.expire_tokens()
        return _json({})

    async def requests(request: Request) -> Response:
        after = int(request.query_params.get("after", 0))
        return _json([asdict(r) for r in service.records if r.number > after])

    async def world(_request: Request) -> Response:
        service.world.advance(service.clock())
        return _json(
            {
                kind.__name__: [body(service.world, n) for n in service.world.all(kind)]
                for kind in KINDS
            }
        )

    table: list[tuple[str, str, Endpoint]] = [
        ("POST", "/faults", _checked(add_fault)),
        ("DELETE", "/faults", clear_faults),
        ("POST", "/actions/expireTokens", expire_tokens),
        ("POST", "/occupants", _checked(name_occupants)),
        ("GET", "/requests", _checked(requests)),
        ("GET", "/world", world),
    ]
    return [route(*row) for row in (*table, *_principals(service), *_events(service))]


def _principals(service: Service) -> list[tuple[str, str, Endpoint]]:
    """Return the routes that add API keys, clusters and resource principals."""
    identities = service.identities

    async def add_api_key(request: Request) -> Response:
        details = msgspec.json.decode(await request.body(), type=ApiKeyDetails)
        identities.add_api_key(details.key_id, _rsa(details.public_key))
        return _json({}, 201)

    async def add_cluster(request: Request) -> Response:
        details = msgspec.json.decode(await request.body(), type=PrincipalDetails)
        identities.add_cluster(details.id, _rsa(details.public_key))
        return _json({}, 201)

    async def add_resource(request: Request) -> Response:
        details = msgspec.json.decode(await request.body(), type=PrincipalDetails)
        now = service.clock()
        token = identities.resource(details.id, _rsa(details.public_key), now)
        return _json({"token": token}, 201)

    return [
        ("POST", "/apiKeys", _checked(add_api_key)),
        ("POST", "/clusters", _checked(add_cluster)),
        ("POST", "/resourcePrincipals", _checked(add_resource)),
    ]


def _rsa(pem: str) -> rsa.RSAPublicKey:
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("the public key is no RSA key")  # noqa: TRY004 - bad input
    return key


def _checked(endpoint: Endpoint) -> Endpoint:
    async def checked(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ValueError as error:  # msgspec's errors are ValueErrors too
            return _json({"message": str(error)}, 400)

    return checked


def _events(service: Service) -> list[tuple[str, str, Endpoint]]:
    """Return the routes that make events happen in the world."""

    async def terminate(request: Request) -> Response:
        try:
            instance = service.world.named(Instance, request.path_params["name"])
            instances.terminate(service.world, instance.id)
        except (KeyError, ServiceError) as error:
            return _json({"message": str(error)}, 404)
        return _json({})

    async def exhaust(request: Request) -> Response:
        try:
            subnet = service.world.named(Subnet, request.path_params["name"])
        except KeyError as error:
            return _json({"message": str(error)}, 404)
        space = service.world.space(subnet.id)
        if request.path_params["action"] == "relieve":
            space.relieve()
            return _json({})
        return _json({"taken": space.exhaust()})

    async def hide(request: Request) -> Response:
        details = msgspec.json.decode(await request.body(), type=HiddenDetails)
        until = service.clock() + details.seconds
        service.world.hidden |= dict.fromkeys(details.ids, until)
        return _json({})

    async def freeze(request: Request) -> Response:
        service.world.freeze(frozen=request.path_params["action"] == "freeze")
        return _json({})

    return [
        ("POST", "/actions/hide", _checked(hide)),
        ("POST", "/vnicAttachments/actions/{action}", freeze),
        ("POST", "/instances/{name}/actions/terminate", terminate),
        ("POST", "/subnets/{name}/actions/{action}", exhaust),
    ]


def route(method: str, path: str, endpoint: Endpoint) -> Route:
    """Return a route that only marked listeners have."""
    return Route(PREFIX + path, _guarded(endpoint), methods=[method])


def _is_of_a_web_page(request: Request) -> bool:
    """Return True if a browser sent the request for some site's page.

    Each site could otherwise switch faults of a fake on its visitor's machine.
    """
    site = request.headers.get("sec-fetch-site", "none")
    return "origin" in request.headers or site != "none"


def _guarded(endpoint: Endpoint) -> Endpoint:
    async def guard(request: Request) -> Response:
        if not request.scope.get("fakeoci.admin"):
            await request.body()
            return _json({"code": "NotFound", "message": "not found"}, 404)
        if _is_of_a_web_page(request):
            await request.body()
            why = "a web page may not use the admin API"
            return _json({"code": "NotAllowed", "message": why}, 403)
        return await endpoint(request)

    return guard
