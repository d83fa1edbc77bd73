"""A client's connections to the simulated API server."""

from collections.abc import Callable

import httpx2
import msgspec
import trio

from sim.kubernetes import refusals
from sim.kubernetes.server import Answer, ApiServer, Request
from sim.kubernetes.watching import Watch
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import Credentials, Identity

SERVER = "http://kubernetes.default.svc"
LOST = httpx2.RemoteProtocolError, "Server disconnected without sending a response."


class Transport(httpx2.AsyncBaseTransport):
    """Carries requests to the server in process, and answers back, in virtual time."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self.is_cut = False
        """Whether this client alone does not reach the server."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; return when its answer begins."""
        server, random = self._server, self._server.random
        faults = server.faults
        await trio.sleep(faults.latency(random))
        if faults.is_away or self.is_cut:
            raise httpx2.ConnectError("connection refused", request=request)
        await server.until_it_speaks()
        asked = _read(request)
        answer = self._refusal(asked) or server.answer(asked)
        if faults.loses(random):
            if isinstance(answer.body, Watch):
                await answer.body.aclose()
            kind, why = LOST
            raise kind(why, request=request)
        headers = {"content-type": "application/json"}
        if answer.retry_after:
            headers["retry-after"] = answer.retry_after
        stream: httpx2.AsyncByteStream
        if isinstance(answer.body, Watch):
            stream = answer.body
        else:
            stream = httpx2.ByteStream(answer.body)
        return httpx2.Response(
            answer.code, headers=headers, stream=stream, request=request
        )

    def _refusal(self, asked: Request) -> Answer | None:
        faults = self._server.faults
        goes_on = bool({"watch", "continue"} & asked.query.keys())
        code = faults.refusal(self._server.random, can_expire=goes_on)
        if not code:
            return None
        after = str(faults.retry_after_seconds) if code == 429 else ""
        body = msgspec.json.encode(refusals.status(code, "injected"))
        return Answer(code=code, body=body, retry_after=after)


def _read(request: httpx2.Request) -> Request:
    headers = request.headers
    return Request(
        method=request.method,
        path=request.url.path,
        query=dict(request.url.params),
        token=headers.get("authorization", "").removeprefix("Bearer "),
        content_type=headers.get("content-type", ""),
        accept=headers.get("accept", ""),
        content=request.content,
    )


class FixedToken(Credentials):
    """Credentials without files: a token that stays the same."""

    def __init__(self, token: str) -> None:
        self._identity = Identity(
            server=SERVER,
            token=token,
            trust=b"",
            client_certificate=b"",
            client_key=b"",
            verify=False,
        )

    def current(self) -> Identity:
        """Return the identity."""
        return self._identity

    def forget(self) -> None:
        """Read nothing again: there are no files."""


Through = Callable[[httpx2.AsyncBaseTransport], httpx2.AsyncBaseTransport]
"""Wraps the way to a server."""


def directly(transport: httpx2.AsyncBaseTransport) -> httpx2.AsyncBaseTransport:
    """Return the way as it is."""
    return transport


def client(
    server: ApiServer, account: str, node: str = "", through: Through = directly
) -> KubeClient:
    """Return an account's client, with a token that is bound to a Node."""
    token = server.issue(account, node)
    return KubeClient(FixedToken(token), transport=through(Transport(server)))
