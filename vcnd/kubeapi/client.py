"""The one door to HTTP of this room: requests to the API server, one at a time.

A bad answer ends its request and no more: it becomes ``KubeError``.  No answer takes
more memory or time than the limits here.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlencode

import httpx2
import msgspec
import trio

from vcnd import __version__
from vcnd.kubeapi.credentials import Credentials, Identity, KubeconfigError
from vcnd.kubeapi.errors import BadAnswerError, KubeError, refusal
from vcnd.kubeapi.wire import Status

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
"""For one request with its whole answer, and a second try with fresh credentials."""
CLOSE_SECONDS = 1.0
MOST_BODY_BYTES = 64 * 1024 * 1024
"""Of an answer.  A list of 10,000 whole Namespaces is some 20 MiB."""
MOST_LINE_BYTES = 4 * 1024 * 1024
"""Of a watch.  etcd takes objects of 1.5 MiB; JSON may be twice as long."""
MOST_ERROR_BYTES = 64 * 1024
UNREADABLE = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ValueError)
"""Errors of an exchange.  ValueError: an impossible URL or header."""
UNDECODABLE = (msgspec.MsgspecError, ValueError, RecursionError)
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
JSON = "application/json"
UNAUTHORIZED = 401


class KubeClient:
    """Speaks to the API server that the credentials name."""

    def __init__(
        self,
        credentials: Credentials,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._credentials = credentials
        self._transport = transport
        self._client: httpx2.AsyncClient | None = None
        self._made_with: Identity | None = None

    async def aclose(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        accept: str = JSON,
    ) -> bytes:
        """GET; return the body."""
        return await self.request("GET", path, query=query, accept=accept)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> bytes:
        """Send one request; repeat it once with fresh credentials if they are refused.

        Raises:
            KubeError: it was refused, or there was no answer.
        """
        what = f"{method} {path}"
        try:
            with trio.fail_after(ANSWER_SECONDS):
                parts = query, body, content_type, accept
                response, content = await self._send(method, path, *parts)
                if response.status_code == UNAUTHORIZED:
                    self._credentials.forget()
                    response, content = await self._send(method, path, *parts)
        except trio.TooSlowError:
            message = f"none within {ANSWER_SECONDS:.0f} s"
            raise KubeError(what, message=message) from None
        except UNREADABLE as error:
            raise KubeError(what, message=_words(error)) from error
        if not response.is_success:
            raise _refusal(what, response, content)
        if method != "GET":
            _check_written(what, content)
        return content

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        content_type: str,
        accept: str,
    ) -> tuple[httpx2.Response, bytes]:
        client, identity = await self._current()
        headers = _headers(identity, accept)
        content = None
        if body is not None:
            content = msgspec.json.encode(body)
            headers["content-type"] = content_type
        request = _request(
            client, method, _url(identity, path, query), headers, content
        )
        response = await client.send(request, stream=True)
        try:
            return response, await _read(f"{method} {path}", response)
        finally:
            await _close(response)

    @asynccontextmanager
    async def watch(
        self, path: str, query: Mapping[str, str], *, accept: str = JSON
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a watch; yield its lines.  Cancel the scope around it to leave.

        Raises:
            KubeError: it was refused, could not be opened, or broke off.
        """
        what = f"watch {path}"
        try:
            client, identity = await self._current()
            url = _url(identity, path, {**query, "watch": "1"})
            request = _request(client, "GET", url, _headers(identity, accept))
            response = await client.send(request, stream=True)
            try:
                if not response.is_success:
                    if response.status_code == UNAUTHORIZED:
                        self._credentials.forget()
                    raise _refusal(what, response, await _read(what, response))
                yield _lines(what, response)
            finally:
                await _close(response)
        except UNREADABLE as error:
            raise KubeError(what, message=_words(error)) from error

    async def _current(self) -> tuple[httpx2.AsyncClient, Identity]:
        try:
            identity = self._credentials.current()
        except KubeconfigError as error:
            raise KubeError("credentials", message=str(error)) from error
        made_with = self._made_with
        if (
            self._client is None
            or made_with is None
            or not identity.same_tls(made_with)
        ):
            try:
                fresh = self._new_client(identity)
            except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
                message = f"certificates of {identity.server} cannot be used: {error}"
                raise KubeError("credentials", message=message) from error
            old, self._client = self._client, fresh
            self._made_with = identity
            if old is not None:
                await old.aclose()
        return self._client, identity

    def _new_client(self, identity: Identity) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            # A watch is silent for long; its reader has a limit of its own.
            timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=10),
            # A caller's transport has its own; to make these takes 20 ms.
            verify=identity.ssl_context() if self._transport is None else False,
            transport=self._transport,
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )


def _url(identity: Identity, path: str, query: Mapping[str, str] | None) -> httpx2.URL:
    """Return a request's URL, parsed once: httpx2 does it again for parameters."""
    asked = f"?{urlencode(query)}" if query else ""
    return httpx2.URL(f"{identity.server}{path}{asked}")


def _request(
    client: httpx2.AsyncClient,
    method: str,
    url: httpx2.URL,
    headers: Mapping[str, str],
    content: bytes | None = None,
) -> httpx2.Request:
    """Return a request that is complete.

    ``build_request`` takes four times as long: it merges what the client has no part of
    with URL and headers, and parses the URL again.
    """
    limits = {"timeout": client.timeout.as_dict()}
    return httpx2.Request(
        method, url, headers=headers, content=content, extensions=limits
    )


def _headers(identity: Identity, accept: str) -> dict[str, str]:
    headers = {
        "accept": accept,
        # The size of a compressed body is unknown before it is unpacked.
        "accept-encoding": "identity",
        "user-agent": f"vcnd/{__version__}",
    }
    if identity.token:
        headers["authorization"] = f"Bearer {identity.token}"
    return headers


async def _read(what: str, response: httpx2.Response) -> bytes:
    """Return a body, read until its end or its limit."""
    good = response.is_success
    most = MOST_BODY_BYTES if good else MOST_ERROR_BYTES
    if _is_packed(response):
        if not good:
            return b""  # its status says enough
        raise BadAnswerError(what, message="it is packed, which nobody asked for")
    content, size = bytearray(), 0
    # Left by this scope alone: a generator left by break stays open.
    with trio.CancelScope() as reading:
        async for chunk in response.aiter_raw():
            size += len(chunk)
            if size > most:
                reading.cancel()
            else:
                content += chunk
    if size > most and good:
        raise BadAnswerError(what, message=f"a body of more than {most} bytes")
    return bytes(content)


async def _lines(what: str, response: httpx2.Response) -> AsyncIterator[bytes]:
    """Yield a body's lines."""
    if _is_packed(response):
        raise BadAnswerError(what, message="it is packed, which nobody asked for")
    held = bytearray()
    async with aclosing(response.aiter_raw()) as chunks:
        async for chunk in chunks:
            first, *others = chunk.split(b"\n")
            held += first
            for other in others:
                yield bytes(held)
                held = bytearray(other)
            if len(held) > MOST_LINE_BYTES:
                message = f"a line of more than {MOST_LINE_BYTES} bytes"
                raise BadAnswerError(what, message=message)
    yield bytes(held)


def _is_packed(response: httpx2.Response) -> bool:
    encoding: str = response.headers.get("content-encoding", "identity")
    return encoding.strip().lower() != "identity"


async def _close(response: httpx2.Response) -> None:
    with trio.move_on_after(CLOSE_SECONDS, shield=True):
        await response.aclose()


def _words(error: Exception) -> str:
    """Return the reason why there is no answer."""
    if isinstance(error, httpx2.LocalProtocolError):
        # Its text contains the header that cannot be sent: our token.
        return "the request cannot be sent: is the token one line of ASCII?"
    return f"{type(error).__name__}: {printable(str(error))}"


def printable(text: str, most: int = 512) -> str:
    """Return the start of foreign text, without control characters."""
    return "".join(c if c.isprintable() else " " for c in text[:most])


def _check_written(what: str, content: bytes) -> None:
    """Raise unless a write was answered with an object.

    A proxy's page says 200 too, and nothing was written.
    """
    try:
        msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    except UNDECODABLE as error:
        raise BadAnswerError(what, message=printable(str(error), 128)) from error


def _refusal(what: str, response: httpx2.Response, content: bytes) -> KubeError:
    try:
        status = msgspec.json.decode(content, type=Status)
    except UNDECODABLE:
        status = Status(message=content[:1024].decode("utf-8", "replace")[:256])
    error = refusal(
        what,
        response.status_code,
        printable(status.reason, 64),
        printable(status.message),
    )
    # From priority and fairness, or a server that starts.
    after = response.headers.get("retry-after", "")
    seconds = after.isascii() and after.isdigit() and len(after) < 6  # noqa: PLR2004
    error.retry_after_seconds = float(after) if seconds else 0.0
    return error
