"""The routes of the Core operations: one look-up instead of a route for each."""

from collections import defaultdict
from collections.abc import Callable
from functools import cache
from re import Pattern

from starlette.routing import BaseRoute, Match, compile_path
from starlette.types import Receive, Scope, Send

from fakeoci.api.endpoint import Endpoint
from fakeoci.api.operations.table import OPERATIONS
from fakeoci.api.service import CORE, Operation

Shape = tuple[str, int]
"""Method, and number of slashes of the path."""


@cache
def _patterns() -> dict[Shape, list[tuple[Pattern[str], Operation]]]:
    """Return the operations' paths as patterns; made once for all services."""
    found = defaultdict(list)
    for operation in OPERATIONS:
        path = CORE + operation.path
        pattern, _, _ = compile_path(path)
        found[operation.method, path.count("/")].append((pattern, operation))
    return dict(found)


class CoreRoutes(BaseRoute):
    """All Core operations of a service.

    Args:
        endpoint: makes the endpoint of an operation, at its first call.
    """

    def __init__(self, endpoint: Callable[[Operation], Endpoint]) -> None:
        self._endpoint = endpoint
        self._made: dict[str, Endpoint] = {}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return the endpoint and the path's parameters, if an operation matches."""
        if scope["type"] != "http":
            return Match.NONE, {}
        path = scope["path"]
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        for pattern, operation in _patterns().get((method, path.count("/")), ()):
            found = pattern.match(path)
            if found:
                endpoint = self._made.get(operation.name)
                if endpoint is None:
                    endpoint = self._made[operation.name] = self._endpoint(operation)
                return Match.FULL, {
                    "endpoint": endpoint,
                    "path_params": found.groupdict(),
                }
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the endpoint that ``matches`` returned."""
        await scope["endpoint"](scope, receive, send)
