"""The connection pools of httpcore and httpcore2: OCI's connections lead to the fake.

httpx sends by httpcore, httpx2 by httpcore2; both are alike.  A request to OCI gets
a host of its own, which no connection from before or after the mock has, and the
pool's connection to it leads to the fake.  Everything above the connection is the
library's: limits, timeouts, HTTP/1.1, exceptions.
"""

import importlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

from fakeoci.mocking.cloud import Cloud
from fakeoci.mocking.streams import AsyncBackend, SyncBackend

CORES = ("httpcore", "httpcore2")
PORTS = {b"http": 80, b"https": 443}

Route = Callable[[str], str | None]
"""Returns the name that stands for an OCI host; None for any other host.

Raises an exception for a host that must not be asked.
"""
Find = Callable[[str], Cloud | None]
"""Returns the cloud that such a name stands for."""


@contextmanager
def patched(route: Route, find: Find) -> Iterator[None]:
    """Let all pools of this process take OCI's hosts for the fake."""
    with ExitStack() as stack:
        for name in CORES:
            try:
                core = importlib.import_module(name)
            except ImportError:
                continue  # the caller has no such library
            for pool, connection, backend in (
                (core.ConnectionPool, core.HTTPConnection, SyncBackend),
                (core.AsyncConnectionPool, core.AsyncHTTPConnection, AsyncBackend),
            ):
                make = _maker(core, connection, backend, find)
                stack.enter_context(_routed(core, pool, route, find))
                for kind in (pool, *pool.__subclasses__()):
                    if "create_connection" in vars(kind):
                        stack.enter_context(_connected(kind, make))
        yield


@contextmanager
def _routed(core: ModuleType, pool: Any, route: Route, find: Find) -> Iterator[None]:
    """Let a pool's requests to OCI go to the name that stands for the host."""
    name = "handle_request"
    if not hasattr(pool, name):
        name = "handle_async_request"
    original = getattr(pool, name)

    def handle(self: Any, request: Any) -> Any:
        if self._uds is None:  # a Unix socket is the caller's own
            request = _rerouted(core, request, route, find)
        return original(self, request)

    with _replaced(pool, name, handle):
        yield


def _rerouted(core: ModuleType, request: Any, route: Route, find: Find) -> Any:
    url = request.url
    host = route(url.host.decode("ascii"))
    if host is None:
        return request
    path, cloud = url.target.partition(b"?")[0], find(host)
    if cloud and cloud.unreachable(request.method.decode(), path.decode()):
        raise core.ConnectError("connection refused: a fault was asked for")
    return core.Request(
        method=request.method,
        url=core.URL(
            scheme=b"http",  # there is no TLS to the fake
            host=host.encode("ascii"),
            port=url.port or PORTS.get(url.scheme, 0),
            target=url.target,
        ),
        headers=request.headers,
        content=request.stream,
        extensions=request.extensions,
    )


def _maker(
    core: ModuleType, connection: Any, backend: Any, find: Find
) -> Callable[[Any], Any]:
    def make(origin: Any) -> Any:
        cloud = find(origin.host.decode("ascii"))
        if cloud is None:
            return None
        return connection(origin=origin, network_backend=backend(core, cloud))

    return make


@contextmanager
def _connected(kind: Any, make: Callable[[Any], Any]) -> Iterator[None]:
    """Let a pool make its connections to the fake without a proxy."""
    original = kind.create_connection

    def create_connection(self: Any, origin: Any) -> Any:
        return make(origin) or original(self, origin)

    with _replaced(kind, "create_connection", create_connection):
        yield


@contextmanager
def _replaced(kind: Any, name: str, method: Callable[..., Any]) -> Iterator[None]:
    original = getattr(kind, name)
    setattr(kind, name, method)
    try:
        yield
    finally:
        # Another tool may have put its own over ours, which passes on to the original.
        if getattr(kind, name) is method:
            setattr(kind, name, original)
