"""A client's connection to the simulated API server, without HTTP between."""

from collections.abc import AsyncGenerator, Callable, Mapping

import msgspec
import trio

from sim.kubernetes import refusals
from sim.kubernetes.server import Answer, ApiServer, Request
from sim.kubernetes.watching import Watch
from vcnd import web
from vcnd.kubeapi import network
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import Credentials, Identity
from vcnd.kubeapi.network import Connect, Network
from vcnd.web import NoAnswerError

SERVER = "http://kubernetes.default.svc"
REFUSED = "ConnectError: connection refused"
LOST = "RemoteProtocolError: Server disconnected without sending a response."


class Connection:
    """Carries requests to the server in process, and answers back, in virtual time."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server

    async def send(self, request: network.Request) -> web.Answer:
        """Send a request; return when its answer begins (``Network.send``)."""
        server, random = self._server, self._server.random
        faults = server.faults
        await trio.sleep(faults.latency(random))
        if faults.is_away:
            raise NoAnswerError(REFUSED)
        await server.until_it_speaks()
        asked = _read(request)
        answer = self._refusal(asked) or server.answer(asked)
        if faults.loses(random):
            if isinstance(answer.body, Watch):
                await answer.body.aclose()
            raise NoAnswerError(LOST)
        return Begun(answer)

    async def aclose(self) -> None:
        """Close it (``Network.aclose``)."""

    def _refusal(self, asked: Request) -> Answer | None:
        faults = self._server.faults
        goes_on = bool({"watch", "continue"} & asked.query.keys())
        code = faults.refusal(self._server.random, can_expire=goes_on)
        if not code:
            return None
        after = str(faults.retry_after_seconds) if code == 429 else ""
        body = msgspec.json.encode(refusals.status(code, "injected"))
        return Answer(code=code, body=body, retry_after=after)


class Begun:
    """An answer that has begun (``web.Answer``)."""

    def __init__(self, answer: Answer) -> None:
        self.status = answer.code
        self.headers: Mapping[str, str] = {"content-type": "application/json"}
        if answer.retry_after:
            self.headers = {**self.headers, "retry-after": answer.retry_after}
        self._body = answer.body

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body's pieces."""
        if isinstance(self._body, Watch):
            return self._body.chunks()
        return _whole(self._body)

    async def aclose(self) -> None:
        """Close it; the rest of the body is not read."""
        if isinstance(self._body, Watch):
            await self._body.aclose()


async def _whole(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


def _read(request: network.Request) -> Request:
    headers = request.headers
    return Request(
        method=request.method,
        path=request.path,
        query=request.query,
        token=headers.get("authorization", "").removeprefix("Bearer "),
        content_type=headers.get("content-type", ""),
        accept=headers.get("accept", ""),
        content=request.body or b"",
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


Through = Callable[[Network], Network]
"""Wraps the way to a server."""


def directly(way: Network) -> Network:
    """Return the way as it is."""
    return way


def to(server: ApiServer, through: Through = directly) -> Connect:
    """Return what connects clients to the server, whoever they are."""
    return lambda _identity: through(Connection(server))


def client(
    server: ApiServer, account: str, node: str = "", through: Through = directly
) -> KubeClient:
    """Return an account's client, with a token that is bound to a Node."""
    token = server.issue(account, node)
    return KubeClient(FixedToken(token), to(server, through))
