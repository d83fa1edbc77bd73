"""Requests that no operation of the fake matches, of any path and method."""

import tomllib
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from fakeoci.api.endpoint import Endpoint, json
from fakeoci.api.service import CORE
from fakeoci.world.errors import ServiceError

NAMES = Path(__file__).with_name("names.toml")
"""The file with method and path of each operation of Oracle's API, by its name."""


class Unsupported(Endpoint):
    """Refusal with 501, which clients do not retry; it names the operation."""

    name = "Unsupported"

    def operation(self, request: Request) -> str:
        """Return the operation's name, or method and path if it is unknown."""
        method, path = request.method, request.url.path
        return known_as(method, path) or f"{method} {path}"

    def fault_names(self, request: Request) -> tuple[str, ...]:
        """Return the operation's name: faults match it too."""
        return (self.operation(request),)

    def authenticate(self, request: Request, body: bytes) -> str:
        """Return no principal: every caller gets the same answer."""
        del request, body
        return ""

    def carry_out(self, request: Request, body: bytes, principal: str) -> Response:
        """Refuse the request with 501."""
        del body, principal
        if request.method == "HEAD":
            return json(501, None, {})
        what = f"{request.method} {request.url.path}"
        name = known_as(request.method, request.url.path)
        text = (
            f"fakeoci does not support {name} ({what})."
            if name
            else f"fakeoci has no operation {what}."
        )
        raise ServiceError(501, "MethodNotImplemented", text)


def known_as(method: str, path: str) -> str:
    """Return the operation of Oracle's API with a method and path, or ""."""
    if not path.startswith(f"{CORE}/"):
        return ""
    parts = path.removeprefix(CORE).split("/")
    for name, template in _templates().get((method, len(parts)), ()):
        pairs = zip(template, parts, strict=True)
        if all(part and want in ("{}", part) for want, part in pairs if want):
            return name
    return ""


@cache
def _templates() -> dict[tuple[str, int], list[tuple[str, list[str]]]]:
    """Return names and paths by method and number of parts, exact paths first."""
    found: dict[tuple[str, int], list[tuple[str, list[str]]]] = {}
    for name, what in tomllib.loads(NAMES.read_text(encoding="utf-8")).items():
        method, _, path = what.partition(" ")
        template = ["{}" if part.startswith("{") else part for part in path.split("/")]
        found.setdefault((method, len(template)), []).append((name, template))
    for rows in found.values():
        rows.sort(key=lambda row: row[1].count("{}"))
    return found
