"""A node's ways to cloud and Kubernetes: they outlive daemons, and can be cut."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

import trio

from fakeoci.direct import Asked, BrokenError, DirectWay
from sim.fleet.life import Life
from sim.fleet.pace import Pace
from sim.fleet.tokens import Tokens
from vcnd import web
from vcnd.kubeapi import network as kube
from vcnd.ociapi.errors import NoAnswerError
from vcnd.ociapi.network import READ_SECONDS, Reply, Request
from vcnd.signals import Pulse

METADATA = "169.254.169.254"
CONNECT_SECONDS = 10.0


class Wire:
    """What all lives of a node share: requests that were sent go on when one dies."""

    def __init__(
        self, cloud: DirectWay, tokens: Tokens, asked: Callable[[], None]
    ) -> None:
        """Make it.

        Args:
            cloud: the way to the cloud.
            tokens: hears of requests to the cloud, and of their answers.
            asked: is called at each request to the API server.
        """
        self.cloud = cloud
        self.tokens = tokens
        self.asked = asked
        self.cut: dict[str, int] = {"oci": 0, "imds": 0, "kubernetes": 0}
        """How many outages of each service there are now."""
        self._mended = Pulse()

    def mend(self, where: str) -> None:
        """End an outage."""
        self.cut[where] -= 1
        self._mended.send()

    async def until_whole(self, where: str) -> None:
        """Return when there is no outage of a service."""
        while self.cut[where]:
            await self._mended.wait()

    async def connects(self, where: str) -> bool:
        """Return True unless there is an outage of a service."""
        if self.cut[where]:
            await trio.sleep(CONNECT_SECONDS)
            return False
        return True


class LifeClient:
    """The way to the cloud as one life of the daemon uses it (``Client``)."""

    def __init__(self, wire: Wire, life: Life, pace: Pace) -> None:
        self._wire = wire
        self._life = life
        self._pace = pace

    async def send(self, request: Request) -> Reply:
        """Send a request, unless life or wire have ended."""
        await self._life.go_on()
        is_oci = request.place.host != METADATA
        where = "oci" if is_oci else "imds"
        if not await self._wire.connects(where):
            raise _no_answer(request, f"ConnectTimeout: {where} is away")
        if is_oci:
            self._pace.sent()
        self._wire.tokens.sent(request)
        asked = Asked(
            method=request.method,
            host=request.place.host,
            target=request.place.target,
            headers=request.headers,
            body=request.body or b"",
        )
        try:
            answered = await self._wire.cloud.send(asked, read_seconds=READ_SECONDS)
        except BrokenError as error:
            raise _no_answer(request, str(error)) from error
        await self._life.go_on()
        if is_oci:
            self._pace.answered(answered.status)
        self._wire.tokens.answered(request, answered.status)
        return Reply(
            status=answered.status, headers=answered.headers, body=answered.body
        )


def _no_answer(request: Request, why: str) -> NoAnswerError:
    return NoAnswerError(f"{request.operation}: {why}")


class KubeNetwork:
    """The way to the API server as one life of the daemon uses it (``Network``)."""

    def __init__(self, wire: Wire, life: Life, server: kube.Network) -> None:
        self._wire, self._life, self._server = wire, life, server

    async def send(self, request: kube.Request) -> web.Answer:
        """Send a request, unless life or wire have ended."""
        await self._life.go_on()
        self._wire.asked()
        if not await self._wire.connects("kubernetes"):
            raise web.NoAnswerError("ConnectTimeout: kubernetes is away")
        answer = await self._server.send(request)
        await self._life.go_on()
        return Late(self._wire, answer)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._server.aclose()


class Late:
    """An answer of the API server; during an outage the rest of it comes later."""

    def __init__(self, wire: Wire, answer: web.Answer) -> None:
        self._wire, self._answer = wire, answer
        self.status = answer.status
        self.headers: Mapping[str, str] = answer.headers

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield what comes."""
        async with aclosing(self._answer.chunks()) as chunks:
            async for chunk in chunks:
                await self._wire.until_whole("kubernetes")
                yield chunk

    async def aclose(self) -> None:
        """Close it; the rest of the body is not read."""
        await self._answer.aclose()
