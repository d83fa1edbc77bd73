"""``mock_oci()``: anybody's code that talks to OCI by httpx or httpx2, tested.

    with mock_oci() as fake:
        httpx.get("https://iaas.us-ashburn-1.oraclecloud.com/20160918/vcns?…")

Serves trio, asyncio and plain synchronous callers.  Requests to other hosts are
refused by respx, as it does for every unmatched request.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpcore2
import httpx
import httpx2
import respx
import trio
from respx.mocks import HTTPCoreMocker

from fakeoci.api.app import build
from fakeoci.api.service import Service
from fakeoci.transport import FakeTransport
from fakeoci.world import worldfile

OCI_HOSTS = r"(.*\.oraclecloud\.com|169\.254\.169\.254)"


class Httpcore2Mocker(HTTPCoreMocker):
    """Lets respx see what httpx2 sends."""

    name = "httpcore2"
    targets = [  # noqa: RUF012 - respx's own form
        "httpcore2._sync.connection.HTTPConnection",
        "httpcore2._sync.connection_pool.ConnectionPool",
        "httpcore2._sync.http_proxy.HTTPProxy",
        "httpcore2._async.connection.AsyncHTTPConnection",
        "httpcore2._async.connection_pool.AsyncConnectionPool",
        "httpcore2._async.http_proxy.AsyncHTTPProxy",
    ]

    @classmethod
    def from_sync_httpx_response(
        cls, httpx_response: Any, target: Any, **kwargs: Any
    ) -> httpcore2.Response:
        """Return respx's answer as httpcore2's."""
        del target, kwargs
        return httpcore2.Response(
            status=httpx_response.status_code,
            headers=httpx_response.headers.raw,
            content=httpx_response.stream,
            extensions=httpx_response.extensions,
        )

    @classmethod
    async def from_async_httpx_response(
        cls, httpx_response: Any, target: Any, **kwargs: Any
    ) -> httpcore2.Response:
        """Return respx's answer as httpcore2's."""
        return cls.from_sync_httpx_response(httpx_response, target, **kwargs)


class _Answer:
    """Hands a request to the app, whatever loop the caller runs, or none."""

    def __init__(self, service: Service, instance_address: str) -> None:
        self._app = build(service)
        self._address = instance_address

    async def _ask(self, request: Any) -> httpx.Response:
        async with FakeTransport(self._app, client_address=self._address) as transport:
            inner = httpx2.Request(
                request.method,
                str(request.url),
                headers=request.headers.raw,
                content=request.content,
            )
            response = await transport.handle_async_request(inner)
            content = await response.aread()
        headers = [(k, v) for k, v in response.headers.raw]
        return httpx.Response(response.status_code, headers=headers, content=content)

    def __call__(self, request: Any) -> Any:
        request.read()
        try:
            trio.lowlevel.current_task()
        except RuntimeError:
            pass
        else:
            return self._ask(request)  # respx awaits it
        try:
            return trio.from_thread.run(self._ask, request)
        except RuntimeError:
            # A synchronous or asyncio program: its loop waits meanwhile.
            return trio.run(self._ask, request)


@contextmanager
def mock_oci(
    world: str | None = None, *, instance_address: str = "10.0.0.2"
) -> Iterator[Service]:
    """Answer all requests to OCI's hosts from a fake cloud of this process.

    Also a decorator, and the body of a pytest fixture that yields.

    Args:
        world: text of a world file; the default world if left out.
        instance_address: the address whose instance IMDS answers.

    Yields:
        The service: its world, identities, faults and request log.
    """
    text = world if world is not None else worldfile.default_text()
    service = Service(worldfile.parse(text), time.time)
    answer = _Answer(service, instance_address)
    with ExitStack() as stack:
        for using in ("httpcore", "httpcore2"):
            router = stack.enter_context(
                respx.mock(using=using, assert_all_called=False)
            )
            router.route(host__regex=OCI_HOSTS).mock(side_effect=answer)
        yield service
