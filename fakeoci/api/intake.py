"""Checks of all requests, whatever their operation: size, headers and query."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request

from fakeoci.world.errors import ServiceError, invalid

MOST_NESTED = 100
"""Levels of a body.  OCI publishes no number, and no operation needs more."""
MOST_TOKEN = 64
"""Maximum characters of ``opc-retry-token`` (API reference)."""

_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


async def read_body(request: Request, most: int) -> bytes | None:
    """Return a request's body, or None if it has more than ``most`` bytes.

    It is read to the end in either case, because an unread body breaks the connection.
    """
    kept, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= most:
            kept += chunk
    return bytes(kept) if size <= most else None


def head_bytes(request: Request) -> int:
    """Return the size of the request target and the headers in bytes."""
    target = (request.scope["raw_path"], request.scope["query_string"])
    fields = (part for field in request.headers.raw for part in field)
    return sum(map(len, (*target, *fields)))


def is_too_nested(body: bytes) -> bool:
    """Return True if a JSON document has more than ``MOST_NESTED`` levels."""
    if body.count(b"[") + body.count(b"{") <= MOST_NESTED:
        return False
    depth = 0
    for byte in _TEXT.sub(b"", body):
        if byte in b"[{":
            depth += 1
        elif byte in b"]}":
            depth -= 1
        if depth > MOST_NESTED:
            return True
    return False


def parsed(body: bytes) -> Any:
    """Return a parsed body, or None if it is not JSON: it will be refused."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def check_media_type(request: Request, body: bytes) -> None:
    """Raise 415 if a body's content-type is not JSON."""
    given = request.headers.get("content-type")
    if not body or given is None:
        return  # a signed request always has the header
    if given.partition(";")[0].strip().lower() != "application/json":
        raise ServiceError(
            415, "UnsupportedMediaType", f"content-type {given!r}: application/json"
        )


def check_tags(body: bytes, known: Sequence[str] | None) -> None:
    """Raise 400 for defined tags of namespaces that the tenancy lacks.

    Args:
        body: the body of any request.
        known: the tenancy's namespaces; None: it has every namespace.
    """
    if known is None or b"definedTags" not in body or is_too_nested(body):
        return
    lacking = ", ".join(sorted(set(_namespaces(parsed(body))) - set(known)))
    if lacking:
        raise ServiceError(
            400,
            "RelatedResourceNotAuthorizedOrNotFound",
            "The following tag namespaces / keys are not authorized or not found:"
            f" TagNamespace {lacking} does not exists.",
        )


def _namespaces(value: Any) -> Iterator[str]:
    """Return the namespaces of the tags in a body and in its parts."""
    if isinstance(value, list):
        for item in value:
            yield from _namespaces(item)
    if isinstance(value, dict):
        tags = value.get("definedTags")
        yield from tags if isinstance(tags, dict) else ()
        for item in value.values():
            yield from _namespaces(item)


def retry_token(request: Request) -> str | None:
    """Return ``opc-retry-token``.

    Raises:
        ServiceError: 400, it is too long or empty.
    """
    token = request.headers.get("opc-retry-token")
    if token is not None and not 1 <= len(token) <= MOST_TOKEN:
        raise invalid(f"opc-retry-token has 1 to {MOST_TOKEN} characters")
    return token


def single(query: QueryParams) -> dict[str, str]:
    """Return the query's parameters.

    Raises:
        ServiceError: 400, a parameter is repeated.  It is not established which value
            OCI would take.
    """
    values = dict(query)
    if len(values) < len(query.multi_items()):
        raise invalid("a query parameter is given more than once")
    return values
