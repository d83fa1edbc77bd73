"""The way to an API server: what a request says, and who carries it."""

from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urlencode

import msgspec

from vcnd import web
from vcnd.kubeapi.credentials import Identity
from vcnd.web import Answer, Connections

MOST_CONNECTIONS = 10


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


class Network(Protocol):
    """The way to an API server."""

    async def send(self, request: Request) -> Answer:
        """Send a request; return the start of its answer.

        Raises:
            web.NoAnswerError: there was none, or none that can be read.
        """

    async def aclose(self) -> None:
        """Close all connections."""


Connect = Callable[[Identity], Network]
"""Makes the way to the API server that an identity names.

OSError or ValueError: the identity's certificates cannot be used."""


class HttpNetwork(Connections):
    """The way by HTTP."""

    async def send(self, request: Request) -> Answer:
        """Send a request; return the start of its answer (``Network.send``)."""
        with web.in_words():
            asked = f"?{urlencode(request.query)}" if request.query else ""
        return await self.begin(
            request.method,
            f"{request.server}{request.path}{asked}",
            headers=request.headers,
            body=request.body,
        )


def by_http(identity: Identity) -> HttpNetwork:
    """Return the way by HTTP to the server that an identity names (``Connect``)."""
    # A watch is silent for long; its reader has a limit of its own.
    return HttpNetwork(verify=identity.ssl_context(), most=MOST_CONNECTIONS)
