"""The one door to HTTP: a request goes out, its answer comes in pieces.

Nothing else in vcnd knows the HTTP library.  A bad answer ends its request and no more:
it becomes ``NoAnswerError``.
"""

import ssl
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Protocol, Self

import httpx2
import trio
from trio.abc import AsyncResource

from vcnd import __version__

CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 1.0
MOST_REFUSAL_BYTES = 64 * 1024
"""Of a refusal's body; what is longer is cut off."""
UNREADABLE = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ValueError)
"""Errors of an exchange.  ValueError: an impossible URL, header or encoding, which may
come from an earlier answer."""
OURS = {
    "user-agent": f"vcnd/{__version__}",
    # The size of a packed body is unknown before it is unpacked.
    "accept-encoding": "identity",
}
"""Headers of every request."""
OPENED = {"connection.connect_tcp.complete", "connection.start_tls.complete"}
"""Events of the HTTP library: a connection is open, or its TLS."""
Url = httpx2.URL
"""A parsed URL."""


class NoAnswerError(Exception):
    """There was no answer, or it broke off; the text says why."""


class BadBodyError(Exception):
    """A body is packed, or longer than the limit; the text says which."""


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
        """Close it; the rest of the body is not read."""


class Connections:
    """Connections that are kept for further requests; a context, or closed by hand."""

    def __init__(
        self,
        *,
        verify: ssl.SSLContext | bool,
        most: int,
        read_seconds: float | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """Make them; each is opened when a request needs it.

        Args:
            verify: trusted authorities, with the client's certificate if it has one;
                True: the system's authorities; False: servers are not checked.
            most: how many at once.
            read_seconds: how long one may be silent; None: for ever.
            transport: replaces them.
        """
        self._http = httpx2.AsyncClient(
            verify=verify,
            timeout=httpx2.Timeout(read_seconds, connect=CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=most),
            transport=transport,
            # A proxy set for the host must not see IMDS, tokens or signed requests.
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )
        self._limits = {"timeout": self._http.timeout.as_dict()}
        self._closed = False

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed = True
        await self._http.__aexit__(kind, error, trace)

    async def begin(
        self,
        method: str,
        url: Url | str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> Answer:
        """Send a request; return the start of its answer.

        Raises:
            NoAnswerError: there was none, or none that can be read.
        """
        with in_words():
            # ``build_request`` takes four times as long: it merges what the client has
            # no part of with URL and headers, and parses the URL again.
            request = httpx2.Request(
                method,
                url,
                headers={**OURS, **headers},
                content=body,
                extensions={**self._limits, "trace": Opening(self.is_closed).see},
            )
            return HttpAnswer(await self._http.send(request, stream=True))

    async def aclose(self) -> None:
        """Close them all."""
        self._closed = True
        await self._http.aclose()

    def is_closed(self) -> bool:
        """Return True once they are closed, or about to be."""
        return self._closed


class Opening:
    """Closes the connection of a request that ends while it opens.

    The HTTP library does not: it forgets a connection whose TLS handshake is cancelled,
    or which opens when all others have been closed; and a request that is cancelled
    just as its connection is open takes the place of one of the connections for ever.
    """

    def __init__(self, is_closed: Callable[[], bool]) -> None:
        self._is_closed = is_closed
        self._stream: AsyncResource | None = None

    async def see(self, event: str, told: Mapping[str, Any]) -> None:
        """See what the HTTP library does.

        Source of the events: https://www.encode.io/httpcore/extensions/#trace
        """
        if event == "connection.start_tls.failed":
            await self._close()
        if event in OPENED:
            self._stream = told["return_value"]
            try:
                # An error here makes the library forget the connection.
                await trio.lowlevel.checkpoint_if_cancelled()
                if self._is_closed():
                    raise NoAnswerError("the connections have been closed")
            except BaseException:
                await self._close()
                raise

    async def _close(self) -> None:
        if self._stream is not None:
            with trio.CancelScope(shield=True):
                await self._stream.aclose()


class HttpAnswer:
    """An answer by HTTP (``Answer``)."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body's pieces as they come (``Answer.chunks``)."""
        with in_words():
            async with aclosing(self._response.aiter_raw()) as pieces:
                async for piece in pieces:
                    yield piece

    async def aclose(self) -> None:
        """Close it; the rest of the body is not read."""
        await self._response.aclose()


@contextmanager
def in_words() -> Iterator[None]:
    """Turn what the HTTP library raises into ``NoAnswerError``."""
    try:
        yield
    except httpx2.LocalProtocolError:
        # Its text contains the header that cannot be sent: our token.
        raise NoAnswerError(
            "the request cannot be sent: is the token one line of ASCII?"
        ) from None
    except UNREADABLE as error:
        # Name the class: httpx2's message is empty for some errors.
        raise NoAnswerError(f"{type(error).__name__}: {error}") from error


def is_success(answer: Answer) -> bool:
    """Return True if it is no refusal."""
    return answer.status // 100 == 2  # noqa: PLR2004 - the class of good answers


def check_unpacked(answer: Answer) -> None:
    """Raise ``BadBodyError`` for a packed body: its size is not known."""
    encoding = answer.headers.get("content-encoding", "identity").strip()
    if encoding.lower() != "identity":
        raise BadBodyError(f"it is packed ({encoding[:32]}), which nobody asked for")


async def read(answer: Answer, *, most: int) -> bytes:
    """Return a body; of a refusal, whose status says enough, what can be read.

    Args:
        answer: whose body.
        most: how many bytes it may have, unless it is a refusal's.

    Raises:
        BadBodyError: it is packed, or too long.
        NoAnswerError: it broke off.
    """
    good = is_success(answer)
    try:
        check_unpacked(answer)
    except BadBodyError:
        if good:
            raise
        return b""
    most = most if good else MOST_REFUSAL_BYTES
    content = bytearray()
    # Left by this scope alone: a generator left by break stays open.
    with trio.CancelScope() as reading:
        async for chunk in answer.chunks():
            content += chunk
            if len(content) > most:
                reading.cancel()
    if len(content) > most and good:
        raise BadBodyError(f"a body of more than {most} bytes")
    return bytes(content)


async def close(answer: Answer) -> None:
    """Close an answer; do not wait long for that."""
    with trio.move_on_after(CLOSE_SECONDS, shield=True):
        await answer.aclose()
