"""One request, one answer, no retry.

A bad answer ends its request and no more: it becomes ``NoAnswerError``.
"""

import secrets
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Protocol, TypeVar

import msgspec
import trio

from vcnd import log, tries
from vcnd.foreign import UNDECODABLE, printable
from vcnd.ociapi.decode import decode
from vcnd.ociapi.errors import BadAnswerError, NoAnswerError, OciError
from vcnd.ociapi.meter import ApiMeter
from vcnd.ociapi.network import (
    Client,
    Reply,
    Request,
    in_words,
    place_of,
    request_id_of,
)

T = TypeVar("T")

ANSWER_SECONDS = 90.0
"""Time from a request's first byte to its answer's last one."""
UNAUTHORIZED = 401
SKEW_SECONDS = 120.0
"""A clock skew above this is reported; OCI refuses at about five minutes."""


class Signer(Protocol):
    """Authenticates requests."""

    async def sign(
        self, *, method: str, target: str, host: str, body: bytes | None
    ) -> dict[str, str]:
        """Return the headers to add."""


class Principal(Signer, Protocol):
    """A signer that drops credentials which were refused."""

    def invalidate(self) -> None:
        """Drop the credentials that a service answered 401 to."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A successful answer."""

    operation: str
    status: int
    body: bytes
    headers: Mapping[str, str]

    def decoded(self, kind: type[T]) -> T:
        """Return the body as a value.

        Raises:
            BadAnswerError: it is no JSON of that type.
        """
        return decode(
            self.body, kind, operation=self.operation, request_id=self.request_id
        )

    def bad(self, why: str) -> BadAnswerError:
        """Return the error for an answer whose values make no sense."""
        return BadAnswerError(self.operation, why, self.request_id)

    def check_about(self, found: str | None, asked: str) -> None:
        """Raise ``BadAnswerError`` unless it is about the requested object."""
        if found != asked:
            raise self.bad(f"it is about {found}, and {asked} was asked for")

    def check_bare(self) -> None:
        """Raise ``BadAnswerError`` for a body that OCI does not send.

        For answers without a body: a proxy's page has status 200 too, although nothing
        was done.
        """
        if self.body.strip():
            self.decoded(dict[str, msgspec.Raw])

    @property
    def request_id(self) -> str:
        """Return OCI's ID of the request."""
        return request_id_of(self.headers)


class _ErrorBody(msgspec.Struct):
    code: str = ""
    message: str = ""


async def exchange(
    client: Client,
    *,
    operation: str,
    method: str,
    url: str,
    meter: ApiMeter,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    signer: Signer | None = None,
) -> Answer:
    """Send one request and return its answer.

    Args:
        client: the way to the network.
        operation: OCI's name for it.
        method: of HTTP.
        url: the whole one.
        meter: counts the request, unless it cannot be made or signed.
        body: of the request.
        headers: of the request.
        signer: authenticates it.

    Raises:
        OciError: the answer was a refusal.
        NoAnswerError: there was none.
    """
    tries.current().name(operation)
    with in_words(operation):
        place = place_of(url)
        # Segments of at most 32 characters each (docs/oci.md#transport).
        cause = log.trace.get("pool")
        sent = {
            **(headers or {}),
            "opc-request-id": f"vcnd/{cause[:32]}/{secrets.token_hex(8)}",
        }
        if signer is not None:
            sent |= await signer.sign(
                method=method, target=place.target, host=place.host, body=body
            )
    request = Request(
        operation=operation, method=method, place=place, headers=sent, body=body
    )
    with meter.calling(operation):
        try:
            with trio.fail_after(ANSWER_SECONDS):
                reply = await client.send(request)
        except trio.TooSlowError as error:
            why = f"no whole answer within {ANSWER_SECONDS:.0f} s"
            raise NoAnswerError(f"{operation}: {why}") from error
        if not reply.is_success:
            raise _refusal(request, reply)
    return Answer(
        operation=operation,
        status=reply.status,
        body=reply.body,
        headers=reply.headers,
    )


def _refusal(request: Request, reply: Reply) -> OciError:
    try:
        body = msgspec.json.decode(reply.body, type=_ErrorBody)
    except UNDECODABLE:
        # A proxy's page, not an error of OCI.
        body = _ErrorBody(message=printable(reply.body, 256))
    hint = _skew(request, reply) if reply.status == UNAUTHORIZED else ""
    return OciError(
        operation=request.operation,
        status=reply.status,
        code=printable(body.code, 64),
        message=printable(body.message) + hint,
        request_id=request_id_of(reply.headers),
    )


def _skew(request: Request, reply: Reply) -> str:
    """Return a hint when the service's clock and ours are far apart."""
    try:
        ours, theirs = (
            parsedate_to_datetime(headers["date"]).timestamp()
            for headers in (request.headers, reply.headers)
        )
    except (KeyError, ValueError, TypeError, OverflowError):
        return ""
    off = ours - theirs
    if abs(off) < SKEW_SECONDS:
        return ""
    way = "ahead of" if off > 0 else "behind"
    return f"; this node's clock is {abs(off):.0f} s {way} OCI's: set it (chrony)"
