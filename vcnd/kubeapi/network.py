"""The one door to HTTP of this room: a request goes out, its answer comes in pieces.

Nothing else here knows the HTTP library.
"""

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Protocol
from urllib.parse import urlencode

import httpx2
import msgspec

from vcnd.kubeapi.credentials import Identity

CONNECT_SECONDS = 10.0
MOST_CONNECTIONS = 10
UNREADABLE = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ValueError)
"""Errors of an exchange.  ValueError: an impossible URL or header."""


class NoAnswerError(Exception):
    """There was no answer, or it broke off."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request; the names of its headers are in lower case."""

    method: str
    server: str
    """The URL of the API server, without a path."""
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes | None = None

    def __repr__(self) -> str:
        """Return no secret: headers and bodies have tokens."""
        return f"Request({self.method} {self.path})"


class Answer(Protocol):
    """The start of an answer; whoever has it closes it."""

    @property
    def status(self) -> int:
        """Return the HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the headers, which are asked for by names in lower case."""

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body's pieces as they come.

        Raises:
            NoAnswerError: it broke off.
        """

    async def aclose(self) -> None:
        """Take no more of it."""


class Network(Protocol):
    """The way to an API server."""

    async def send(self, request: Request) -> Answer:
        """Send a request; return the start of its answer.

        Raises:
            NoAnswerError: there was none, or none that can be read.
        """

    async def aclose(self) -> None:
        """Close all connections."""


Connect = Callable[[Identity], Network]
"""Makes the way to the API server that an identity names.

OSError or ValueError: the identity's certificates cannot be used."""


class HttpNetwork:
    """The way by HTTP."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http
        self._limits = {"timeout": http.timeout.as_dict()}

    async def send(self, request: Request) -> Answer:
        """Send a request; return the start of its answer (``Network.send``)."""
        with _in_words():
            # ``build_request`` takes four times as long: it merges what the client has
            # no part of with URL and headers, and parses the URL again.
            asked = f"?{urlencode(request.query)}" if request.query else ""
            made = httpx2.Request(
                request.method,
                httpx2.URL(f"{request.server}{request.path}{asked}"),
                headers=request.headers,
                content=request.body,
                extensions=self._limits,
            )
            return HttpAnswer(await self._http.send(made, stream=True))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()


class HttpAnswer:
    """An answer by HTTP."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body's pieces as they come (``Answer.chunks``)."""
        with _in_words():
            async with aclosing(self._response.aiter_raw()) as pieces:
                async for piece in pieces:
                    yield piece

    async def aclose(self) -> None:
        """Take no more of it."""
        await self._response.aclose()


def by_http(
    identity: Identity, transport: httpx2.AsyncBaseTransport | None = None
) -> HttpNetwork:
    """Return the way by HTTP to the server that an identity names.

    Args:
        identity: whose certificates are used.
        transport: replaces connections, and TLS with them: to make it takes 20 ms.

    Raises:
        OSError, ValueError: the certificates cannot be used.
    """
    http = httpx2.AsyncClient(
        # A watch is silent for long; its reader has a limit of its own.
        timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
        limits=httpx2.Limits(max_connections=MOST_CONNECTIONS),
        verify=identity.ssl_context() if transport is None else False,
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )
    return HttpNetwork(http)


@contextmanager
def _in_words() -> Iterator[None]:
    """Turn what the HTTP library raises into ``NoAnswerError``."""
    try:
        yield
    except httpx2.LocalProtocolError as error:
        # Its text contains the header that cannot be sent: our token.
        raise NoAnswerError(
            "the request cannot be sent: is the token one line of ASCII?"
        ) from error
    except UNREADABLE as error:
        raise NoAnswerError(f"{type(error).__name__}: {error}") from error
