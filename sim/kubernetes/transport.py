"""HTTP clients' way to the simulated API server: a transport of httpx2."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx2

from sim.kubernetes.connection import Connection
from sim.kubernetes.server import ApiServer
from vcnd.kubeapi.network import Request
from vcnd.web import Answer, NoAnswerError


class Transport(httpx2.AsyncBaseTransport):
    """Carries requests to the server in process, and answers back, in virtual time."""

    def __init__(self, server: ApiServer) -> None:
        self._connection = Connection(server)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; return when its answer begins."""
        url = request.url
        asked = Request(
            method=request.method,
            server=f"{url.scheme}://{url.netloc.decode()}",
            path=url.path,
            query=dict(url.params),
            headers=request.headers,
            body=request.content,
        )
        try:
            answer = await self._connection.send(asked)
        except NoAnswerError as error:
            raise httpx2.NetworkError(str(error), request=request) from error
        return httpx2.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            request=request,
        )


class _Body(httpx2.AsyncByteStream):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with aclosing(self._answer.chunks()) as chunks:
            try:
                async for chunk in chunks:
                    yield chunk
            except NoAnswerError as error:
                raise httpx2.ReadError(str(error)) from error

    async def aclose(self) -> None:
        await self._answer.aclose()
