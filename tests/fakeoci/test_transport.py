"""The in-process transport, and the exceptions that its callers catch."""

import httpx2
import pytest
import trio
import trio.testing
from starlette.types import Receive, Scope, Send

from fakeoci.transport import FakeTransport


async def _hang(scope: Scope, receive: Receive, send: Send) -> None:
    await trio.sleep_forever()


async def test_a_callers_exception_comes_out_as_it_is() -> None:
    with pytest.raises(ValueError, match="mine"):
        async with httpx2.AsyncClient(transport=FakeTransport(_hang)):
            raise ValueError("mine")


async def test_a_timeout_comes_out_as_the_librarys(
    autojump_clock: trio.testing.MockClock,
) -> None:
    with pytest.raises(httpx2.ReadTimeout):
        async with httpx2.AsyncClient(transport=FakeTransport(_hang)) as client:
            await client.get("http://fake/", timeout=3.0)


async def test_a_callers_cancellation_ends_its_exchanges(
    autojump_clock: trio.testing.MockClock,
) -> None:
    with trio.move_on_after(3.0) as scope:
        async with httpx2.AsyncClient(
            transport=FakeTransport(_hang), timeout=None
        ) as client:
            await client.get("http://fake/")
    assert scope.cancelled_caught
