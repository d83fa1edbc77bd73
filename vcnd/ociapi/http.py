"""The one door to HTTP of this room: one request, one answer, no retry.

A bad answer ends its request and no more: it becomes ``NoAnswerError``.  No answer
takes more memory or time than the limits here.
"""

import secrets
import ssl
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Protocol, TypeVar

import httpx2
import msgspec
import trio

from vcnd import log
from vcnd.model.cause import Cause
from vcnd.model.errors import CloudRefusedError
from vcnd.ociapi.decode import UNDECODABLE, decode, printable
from vcnd.ociapi.errors import BadAnswerError, NoAnswerError, OciError

T = TypeVar("T")
Client = httpx2.AsyncClient

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
"""Time without a byte; Oracle allows 55 s (docs/oci.md#rates-and-latencies)."""
ANSWER_SECONDS = 90.0
"""Time from a request's first byte to its answer's last one."""
MOST_BODY_BYTES = 8 * 1024 * 1024
"""Size of an answer.  A full page (500 objects of some 2 KiB) is 1 MiB.  h11 limits
headers to 100 KiB."""
MOST_ERROR_BYTES = 64 * 1024
"""Of a refusal; OCI's have a code and a sentence."""
CLOSE_SECONDS = 1.0
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


def system_trust(folder: Path) -> ssl.SSLContext | bool:
    """Return what trusts the system's authorities.

    OpenSSL reads a certificate of a folder of hashed names when a server's chain needs
    it.  All of them, out of the one file, take 1.3 MiB and longer than 10 ms.

    Args:
        folder: OpenSSL's; without hashed names the file is read.
    """
    if not any(folder.glob("*.0")):
        return True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(capath=str(folder))
    return context


def new_client(ca_file: Path | None = None) -> Client:
    """Return a client with keep-alive, as the daemon uses it.

    Args:
        ca_file: the only certificates to trust; the system's where it is None.
    """
    verify = system_trust(Path(ssl.get_default_verify_paths().openssl_capath))
    if ca_file is not None:
        try:
            verify = ssl.create_default_context(cafile=str(ca_file))
        except (OSError, ValueError) as error:
            raise CloudRefusedError(
                f"{ca_file}: no usable certificates: {error}",
                cause=Cause.BAD_CONFIGURATION,
            ) from error
    return httpx2.AsyncClient(
        verify=verify,
        timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx2.Limits(max_connections=8),
        # A proxy set for the host must not see IMDS or signed requests.
        trust_env=False,
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
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
    try:
        request = client.build_request(method, url, content=body, headers=headers)
        # Segments of at most 32 characters each (docs/oci.md#transport).
        cause = log.trace.get("pool")
        request_id = f"vcnd/{cause[:32]}/{secrets.token_hex(8)}"
        request.headers["opc-request-id"] = request_id
        # What is packed cannot be measured before it is unpacked.
        request.headers["accept-encoding"] = "identity"
        if signer is not None:
            signature = await signer.sign(
                method=method,
                target=request.url.raw_path.decode(),
                host=request.headers["host"],
                body=body,
            )
            request.headers.update(signature)
        with trio.fail_after(ANSWER_SECONDS):
            response = await client.send(request, stream=True)
            content = await _read(operation, response)
    except trio.TooSlowError as error:
        raise NoAnswerError(
            f"{operation}: no whole answer within {ANSWER_SECONDS:.0f} s"
        ) from error
    except httpx2.LocalProtocolError:
        # Its text contains the header that cannot be sent: our token.
        raise NoAnswerError(
            f"{operation}: the request cannot be sent: is the token one line of ASCII?"
        ) from None
    # ValueError: a bad URL, header or encoding, which may come from an earlier answer.
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        # Name the class: httpx2's message is empty for some errors.
        raise NoAnswerError(
            f"{operation}: {type(error).__name__}: {printable(str(error))}"
        ) from error
    if response.is_success:
        return Answer(
            operation=operation,
            status=response.status_code,
            body=content,
            headers=response.headers,
        )
    raise _refusal(operation, request, response, content)


async def _read(operation: str, response: httpx2.Response) -> bytes:
    """Return a body, read until its end or its limit."""
    good = response.is_success
    most = MOST_BODY_BYTES if good else MOST_ERROR_BYTES
    encoding = response.headers.get("content-encoding", "identity")
    content, size = bytearray(), 0
    try:
        if encoding.strip().lower() != "identity":
            if not good:
                return b""  # its status says enough
            why = f"it is packed ({printable(encoding, 32)}), which nobody asked for"
            raise BadAnswerError(operation, why, request_id_of(response.headers))
        # Left by this scope alone: a generator left by break stays open.
        with trio.CancelScope() as reading:
            async for chunk in response.aiter_raw():
                size += len(chunk)
                if size > most:
                    reading.cancel()
                else:
                    content += chunk
    finally:
        with trio.move_on_after(CLOSE_SECONDS, shield=True):
            await response.aclose()
    if size > most and good:
        why = f"a body of more than {most} bytes"
        raise BadAnswerError(operation, why, request_id_of(response.headers))
    return bytes(content)


def request_id_of(headers: Mapping[str, str]) -> str:
    """Return an answer's opc-request-id in the form for errors."""
    return printable(headers.get("opc-request-id", "none"), 128)


def _refusal(
    operation: str, request: httpx2.Request, response: httpx2.Response, content: bytes
) -> OciError:
    try:
        body = msgspec.json.decode(content, type=_ErrorBody)
    except UNDECODABLE:
        # A proxy's page, not an error of OCI.
        body = _ErrorBody(message=printable(content, 256))
    hint = _skew(request, response) if response.status_code == UNAUTHORIZED else ""
    return OciError(
        operation=operation,
        status=response.status_code,
        code=printable(body.code, 64),
        message=printable(body.message) + hint,
        request_id=request_id_of(response.headers),
    )


def _skew(request: httpx2.Request, response: httpx2.Response) -> str:
    """Return a hint when the service's clock and ours are far apart."""
    try:
        ours, theirs = (
            parsedate_to_datetime(headers["date"]).timestamp()
            for headers in (request.headers, response.headers)
        )
    except (KeyError, ValueError, TypeError, OverflowError):
        return ""
    off = ours - theirs
    if abs(off) < SKEW_SECONDS:
        return ""
    way = "ahead of" if off > 0 else "behind"
    return f"; this node's clock is {abs(off):.0f} s {way} OCI's: set it (chrony)"
