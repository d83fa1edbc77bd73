"""The one door to HTTP of this room: one request, one answer, no retry."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
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


def new_client() -> Client:
    """Return a client with keep-alive, as the daemon uses it."""
    return httpx2.AsyncClient(
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
    raise _refusal(operation, response)


def _refusal(operation: str, response: httpx2.Response) -> OciError:
    try:
        said = msgspec.json.decode(response.content, type=_ErrorBody)
    except msgspec.MsgspecError:
        # A proxy's page, not OCI's words; cut, it is untrusted.
        said = _ErrorBody(message=response.text[:256])
    return OciError(
        operation=operation,
        status=response.status_code,
        code=said.code,
        message=said.message,
        request_id=response.headers.get("opc-request-id", "none"),
    )
