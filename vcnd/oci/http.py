"""The one door to HTTP of this room: one request, one answer, no retry."""

import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Protocol

import httpx2
import msgspec
import structlog

from vcnd.model.trace import TRACE
from vcnd.oci.errors import NoAnswerError, OciError

log = structlog.get_logger()

Client = httpx2.AsyncClient

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
UNAUTHORIZED = 401
SKEW_SECONDS = 120.0
"""Clocks that are so far apart are named; OCI refuses at about five minutes."""


class Signer(Protocol):
    """Whoever can authenticate a request."""

    async def sign(
        self, *, method: str, target: str, host: str, body: bytes | None
    ) -> dict[str, str]:
        """Return the headers to add."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A successful answer."""

    body: bytes
    headers: Mapping[str, str]


class _ErrorBody(msgspec.Struct):
    code: str = ""
    message: str = ""


def new_client(ca_file: Path | None = None) -> Client:
    """Return a client with keep-alive, as the daemon uses it.

    Args:
        ca_file: the only certificates to trust; the system's where it is None.
    """
    verify: ssl.SSLContext | bool = True
    if ca_file is not None:
        verify = ssl.create_default_context(cafile=str(ca_file))
    return httpx2.AsyncClient(
        verify=verify,
        timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx2.Limits(max_connections=8),
        # A proxy set for the host must not see IMDS or signed requests unasked.
        trust_env=False,
    )


async def exchange(
    client: Client,
    *,
    operation: str,
    method: str,
    url: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    signer: Signer | None = None,
) -> Answer:
    """Send one request and return its answer.

    Raises:
        OciError: the answer was a refusal.
        NoAnswerError: there was none.
    """
    request = client.build_request(method, url, content=body, headers=headers)
    # Segments of at most 32 characters each (facts/oci.md §4.1).
    request_id = f"vcnd/{TRACE.get()[:32]}/{secrets.token_hex(8)}"
    request.headers["opc-request-id"] = request_id
    if signer is not None:
        signature = await signer.sign(
            method=method,
            target=request.url.raw_path.decode(),
            host=request.headers["host"],
            body=body,
        )
        request.headers.update(signature)
    try:
        response = await client.send(request)
    except httpx2.HTTPError as error:
        # Say which: httpx2's message is empty for some of them.
        raise NoAnswerError(f"{operation}: {type(error).__name__}: {error}") from error
    if response.is_success:
        return Answer(body=response.content, headers=response.headers)
    raise _refusal(operation, request, response)


def _refusal(
    operation: str, request: httpx2.Request, response: httpx2.Response
) -> OciError:
    try:
        said = msgspec.json.decode(response.content, type=_ErrorBody)
    except msgspec.MsgspecError:
        # A proxy's page, not OCI's words; cut, it is untrusted.
        said = _ErrorBody(message=response.text[:256])
    hint = _skew(request, response) if response.status_code == UNAUTHORIZED else ""
    return OciError(
        operation=operation,
        status=response.status_code,
        code=said.code,
        message=said.message + hint,
        request_id=response.headers.get("opc-request-id", "none"),
    )


def _skew(request: httpx2.Request, response: httpx2.Response) -> str:
    """Return a hint when the service's clock and ours are far apart."""
    try:
        ours, theirs = (
            parsedate_to_datetime(headers["date"]).timestamp()
            for headers in (request.headers, response.headers)
        )
    except (KeyError, ValueError):
        return ""
    off = ours - theirs
    if abs(off) < SKEW_SECONDS:
        return ""
    way = "ahead of" if off > 0 else "behind"
    return f"; this node's clock is {abs(off):.0f} s {way} OCI's: set it (chrony)"
