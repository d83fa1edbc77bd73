"""A node's way to the cloud: it outlives daemons, and can be cut."""

import httpx2
import trio

from fakeoci.transport import FakeTransport
from sim.fleet.life import Life
from sim.fleet.tokens import Tokens

METADATA = "169.254.169.254"
CONNECT_SECONDS = 10.0


class Wire:
    """What all lives of a node share: requests that were sent go on when one dies."""

    def __init__(self, transport: FakeTransport, tokens: Tokens) -> None:
        self.transport = transport
        self.tokens = tokens
        self.cut: dict[str, int] = {"oci": 0, "imds": 0}
        """How many outages of each service there are now."""


class LifeTransport(httpx2.AsyncBaseTransport):
    """The wire as one life of the daemon uses it."""

    def __init__(self, wire: Wire, life: Life) -> None:
        self._wire = wire
        self._life = life

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request, unless life or wire have ended."""
        await self._life.go_on()
        where = "imds" if request.url.host == METADATA else "oci"
        if self._wire.cut[where]:
            await trio.sleep(CONNECT_SECONDS)
            raise httpx2.ConnectTimeout(f"{where} is away", request=request)
        self._wire.tokens.sent(request)
        response = await self._wire.transport.handle_async_request(request)
        await self._life.go_on()
        self._wire.tokens.answered(request, response.status_code)
        return response
