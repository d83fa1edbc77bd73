"""``mock_oci()``: a fake cloud for tests of code that calls OCI by httpx or httpx2.

    with mock_oci() as cloud:
        httpx.get("https://iaas.us-ashburn-1.oraclecloud.com/20160918/vcns?…")

Serves synchronous, asyncio and trio callers.  Nothing leaves the machine meanwhile:
other hosts, and other libraries that ask OCI's, get ``NetworkRefused``.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, TypeVar, cast

from starlette.types import ASGIApp, Receive, Scope, Send

from fakeoci.api.app import build, fault_names
from fakeoci.api.service import Service
from fakeoci.mocking.clock import Clock
from fakeoci.mocking.cloud import Cloud
from fakeoci.mocking.decorating import decorated
from fakeoci.mocking.guard import NetworkRefused
from fakeoci.mocking.hosts import is_oci
from fakeoci.mocking.interception import PROCESS, Mocked
from fakeoci.world import worldfile

__all__ = ["Clock", "NetworkRefused", "mock_oci"]

ROUNDING_SECONDS = 0.001

F = TypeVar("F", bound=Callable[..., Any])


class mock_oci:  # noqa: N801 - it is used as a function
    """Answer all requests to OCI's hosts from a fake cloud of this process.

    A context manager, and a decorator of functions, coroutine functions, generators
    and async generators.  Each use makes a cloud of its own; of several at once, the
    one that began last answers everybody.
    """

    def __init__(
        self,
        world: str | None = None,
        *,
        instance_address: str = "10.0.0.2",
        clock: Clock | None = None,
        virtual_time: bool = False,
        allow: Collection[str] = (),
    ) -> None:
        """Take the settings of clouds to come.

        Args:
            world: text of a world file; the default world if left out.
            instance_address: the address whose instance IMDS answers.
            clock: the cloud's time; the caller's if left out.
            virtual_time: before each request, time skips to the end of changes that
                are under way: an attachment is ATTACHING in its own answer and
                ATTACHED in the next.
            allow: hosts that stay reachable, by name or address.
        """
        if callable(world):
            raise TypeError("write @mock_oci(), with parentheses")
        self._text = world if world is not None else worldfile.default_text()
        self._instance_address = instance_address
        self._clock = clock
        self._virtual_time = virtual_time
        self._allow = frozenset(allow)
        if wrong := [host for host in self._allow if is_oci(host)]:
            raise ValueError(f"mock_oci() answers these hosts itself: {wrong}")
        self._open: list[AbstractContextManager[Service]] = []

    def __enter__(self) -> Service:
        """Begin; return the service: its world, identities, faults, request log."""
        context = self._mocked()
        service = context.__enter__()
        self._open.append(context)
        return service

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""
        self._open.pop().__exit__(kind, error, trace)

    def __call__(self, function: F) -> F:
        """Return the function, which runs with a new cloud each time."""
        return cast("F", decorated(function, self._mocked))

    @contextmanager
    def _mocked(self) -> Iterator[Service]:
        clock = self._clock or Clock()
        service = Service(worldfile.parse(self._text), clock)
        app = build(service)

        def unreachable(method: str, path: str) -> bool:
            return service.unreachable(*fault_names(app, method, path))

        cloud = Cloud(
            _Hurried(app, service, clock) if self._virtual_time else app,
            client=self._instance_address,
            unreachable=unreachable,
        )
        mocked = Mocked(cloud, self._allow)
        PROCESS.begin(mocked)
        try:
            yield service
        finally:
            PROCESS.end(mocked)


class _Hurried:
    """The app; changes under way are completed before each request."""

    def __init__(self, app: ASGIApp, service: Service, clock: Clock) -> None:
        self._app = app
        self._service = service
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        due = self._service.world.next_due
        if due is not None and (wait := due - self._clock()) > 0:
            self._clock.advance(wait + ROUNDING_SECONDS)
        await self._app(scope, receive, send)
