"""A server whose answers a test sets byte for byte."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

import httpx2
import trio

from vcnd.kubeapi.network import Connect, HttpNetwork
from vcnd.ociapi.network import HttpClient


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    pause_seconds: float = 0.0
    """The pause before each piece of the body."""


class Pieces(httpx2.AsyncByteStream):
    """A body that is sent piece by piece."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    async def __aiter__(self) -> AsyncIterator[bytes]:
        reply = self._reply
        for piece in [reply.body] if isinstance(reply.body, bytes) else reply.body:
            await trio.sleep(reply.pause_seconds)
            yield piece


class Server(httpx2.AsyncBaseTransport):
    """Answers each request by a function."""

    def __init__(self, answer: Callable[[httpx2.Request], Reply]) -> None:
        self._answer = answer

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        reply = self._answer(request)
        return httpx2.Response(
            reply.status, headers=reply.headers, stream=Pieces(reply), request=request
        )


def oci(transport: httpx2.AsyncBaseTransport) -> HttpClient:
    """Return the way of OCI's clients to a transport."""
    return HttpClient(verify=False, most=10, transport=transport)


def kube(transport: httpx2.AsyncBaseTransport) -> Connect:
    """Return the way of Kubernetes' clients to a transport, whoever they are."""
    return lambda _identity: HttpNetwork(verify=False, most=10, transport=transport)
